const { createServer } = require('node:http');
const { redis } = require('./redis.cjs');

const json = (response, value) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));

createServer(async (request, response) => {
  try {
    if (request.url === '/alive') return json(response, { status: 'alive' });
    if (request.url === '/v1/notices') return json(response, { count: Number(await redis('INCR', 'notices')) });
    if (request.url === '/v1/expired' && request.method === 'POST')
      return json(response, { count: Number(await redis('DECR', 'notices')) });
    response.writeHead(404).end();
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}).listen(8000);

process.on('SIGTERM', () => process.exit(0));
