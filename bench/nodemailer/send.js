// nodemailer's own way of being fast: one pooled transport, 16 connections, no limit per connection.
// Reads one JSON configuration (a file), prints one JSON line with what it did.
const fs = require("node:fs");
const nodemailer = require("nodemailer");

const config = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const transport = nodemailer.createTransport({
  pool: true,
  maxConnections: 16,
  maxMessages: Infinity,
  host: config.host,
  port: config.port,
  secure: false,
  ignoreTLS: true,
  dkim: config.dkim || undefined,
});

function fill(text, values) {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
}

async function worker(queue) {
  for (let i = queue.next++; i < config.count; i = queue.next++) {
    const values = {
      name: `Name ${i}`,
      code: `EX-${100000 + i}`,
      amount: `$${i}.50`,
      date: `December ${1 + (i % 28)}, 2026`,
    };
    const sent = await transport.sendMail({
      from: config.from,
      replyTo: config.replyTo,
      to: `user${i}@sink.example`,
      subject: fill(config.subject, values),
      text: fill(config.text, values),
      html: fill(config.html, values),
    });
    queue.bytes += sent.messageSize || 0;
  }
}

(async () => {
  const queue = { next: 0, bytes: 0 };
  const started = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  await Promise.all(Array.from({ length: 64 }, () => worker(queue)));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const used = process.cpuUsage(cpu);
  transport.close();
  console.log(JSON.stringify({ count: config.count, bytes: queue.bytes, seconds, cpu_s: (used.user + used.system) / 1e6 }));
})();
