// Mails hold no script, so the parser of JavaScript is left out: scripts are one plain node.
import { NodeType, Parser, Tree } from "@lezer/common";
class Plain extends Parser {
  configure() { return this; }
  createParse(_input, _fragments, ranges) {
    const length = ranges[ranges.length - 1].to;
    return { parsedPos: length, stoppedAt: null, stopAt() {}, advance: () => new Tree(NodeType.none, [], [], length) };
  }
}
const language = { parser: new Plain() };
export const javascriptLanguage = language, typescriptLanguage = language, jsxLanguage = language, tsxLanguage = language;
export const javascript = () => ({ support: [] });
