const { createServer } = require('node:http');

const page = (notices) => `<!doctype html><title>Notices</title><h1>Notices</h1><p>${notices} today</p>`;

createServer(async (request, response) => {
  if (request.url === '/alive') return response.end('alive');
  if (request.url !== '/') return response.writeHead(404).end('There is no such page.');
  try {
    const { count } = await (await fetch(`${process.env.API_URL}/notices`)).json();
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(count));
  } catch (error) {
    console.error(error);
    response.writeHead(502).end('The board cannot be read.');
  }
}).listen(3000);

process.on('SIGTERM', () => process.exit(0));
