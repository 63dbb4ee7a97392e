// Sends personalised mails through Nodemailer's connection pool, each signed with RSA-2048, and prints what it took.
// Arguments: the folder that holds node_modules, the sink's port, how many mails, how many connections.
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';

const [folder, port, wanted, connections] = process.argv.slice(2);
const nodemailer = createRequire(`${folder}/package.json`)('nodemailer');
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const transport = nodemailer.createTransport({
  host: '127.0.0.1', port: Number(port), secure: false, ignoreTLS: true, pool: true,
  maxConnections: Number(connections), maxMessages: Infinity, disableFileAccess: true, disableUrlAccess: true,
  dkim: { domainName: 'bench.example', keySelector: 's1', privateKey },
});
const paragraph = `${"A short paragraph that says why this item is worth a minute of the reader's day. ".repeat(12)}\n`;
const count = Number(wanted);
let next = 0;
let failed = 0;

async function lane() {
  while (next < count) {
    const n = next++;
    const leave = `https://news.bench.example/u/${n}`;
    try {
      await transport.sendMail({
        from: 'News <news@bench.example>', to: `person${n}@sink.example`, subject: `Weekly notes, Ada ${n}`,
        list: { unsubscribe: leave },
        text: `Hello Ada ${n}\n${paragraph}${leave}\n`,
        html: `<html><body><h1>Hello Ada ${n}</h1>${`<p>${paragraph}</p>`.repeat(8)}`
          + `<a href="https://shop.bench.example/offer?c=${n}">Offer</a> <a href="${leave}">Unsubscribe</a></body></html>`,
      });
    } catch { failed += 1; }
  }
}

const began = process.hrtime.bigint();
const cpu = process.cpuUsage();
await Promise.all(Array.from({ length: Number(connections) * 2 }, lane));
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({ count, failed, seconds, cpuSeconds: (used.user + used.system) / 1e6 }));
transport.close();
