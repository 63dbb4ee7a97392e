"""What a page loads: style sheets and scripts by their names, as tags of templates (`relayhub_extras`)."""

from __future__ import annotations

from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from relayhub.core import languages, script_words, spoken


def stylesheets(names: str) -> SafeString:
    """Links to `static/css/<name>.css`, for names parted by blanks."""
    return format_html_join(
        "\n    ",
        '<link rel="stylesheet" href="{}">',
        ((static(f"css/{name}.css"),) for name in names.split()),
    )


def modules(names: str) -> SafeString:
    """Scripts `static/js/<name>.js` as ES modules, for names parted by blanks. They do not import each other:
    static files carry a hash in their name, which an `import` would not know."""
    return format_html_join(
        "\n    ",
        '<script type="module" src="{}"></script>',
        ((static(f"js/{name}.js"),) for name in names.split()),
    )


def words_of_scripts() -> SafeString:
    """`gettext` and `ngettext` for the page's modules, which come behind it; in English nothing else is fetched."""
    language = spoken.language()
    texts = mark_safe("")
    if language != languages.SOURCE:
        texts = format_html('<script defer src="{}"></script>\n    ', script_words.address(language))
    return format_html('{}<script type="module" src="{}"></script>', texts, static("js/words.js"))


def chart_files() -> SafeString:
    """What a page with charts needs in its `page_js`."""
    return format_html(
        '<link rel="stylesheet" href="{}">\n    <link rel="stylesheet" href="{}">\n    '
        '<script defer src="{}"></script>\n    <script type="module" src="{}"></script>',
        static("vendor/uplot/uPlot.min.css"), static("css/chart.css"),
        static("vendor/uplot/uPlot.iife.min.js"), static("js/chart.js"),
    )


def code_styles(nonce: str) -> SafeString:
    """The styles of a page with a code editor. CodeMirror writes its own rules into a style element under the nonce,
    which its script reads from this link; the view has to allow it (`csp_update`)."""
    return format_html('<link rel="stylesheet" href="{}" nonce="{}">', static("css/code.css"), nonce)


def code_files() -> SafeString:
    """The scripts of a page with a code editor: CodeMirror, which is started once the page is painted, and ours that
    puts it over text areas in `[data-code]`."""
    return format_html(
        '<link rel="preload" as="script" href="{}" data-code-editor>\n    <script type="module" src="{}"></script>',
        static("vendor/codemirror/codemirror.min.js"), static("js/code-editor.js"),
    )
