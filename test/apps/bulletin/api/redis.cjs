const { connect } = require('node:net');

/** One command, over a connection of its own: as much of Redis' protocol as a count needs. */
exports.redis = (...words) =>
  new Promise((resolve, reject) => {
    const { hostname, port, password, pathname } = new URL(process.env.REDIS_URL);
    const said = (command) =>
      `*${command.length}\r\n${command.map((w) => `$${Buffer.byteLength(w)}\r\n${w}\r\n`).join('')}`;
    const commands = [
      ...(password ? [['AUTH', decodeURIComponent(password)]] : []),
      ['SELECT', pathname.slice(1) || '0'],
      words,
    ];
    const socket = connect(Number(port || 6379), hostname);
    let text = '';
    socket.setEncoding('utf8').on('error', reject);
    socket.on('data', (part) => {
      text += part;
      const lines = text.split('\r\n').slice(0, -1);
      const wrong = lines.find((line) => line.startsWith('-'));
      if (wrong === undefined && lines.length < commands.length) return;
      socket.destroy();
      if (wrong === undefined) resolve(lines.at(-1).slice(1));
      else reject(new Error(wrong));
    });
    socket.write(commands.map(said).join(''));
  });
