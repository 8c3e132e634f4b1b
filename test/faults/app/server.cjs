/**
 * A post office in one file: letters are posted and read back. What it does wrong is switched while it runs, by the file
 * that FAULTS names; without that file it is sound.
 */
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { Pool } = require('pg');

const PAGE_HEADERS = {
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const pool = new Pool({
  connectionString: readFileSync(process.env.DATABASE_URL_FILE, 'utf8').trim(),
  max: 10,
  connectionTimeoutMillis: 2_000,
});
// A server that went away is seen by the next query.
pool.on('error', () => undefined);

let requests = 0;
/** What it tells of its own answers: by status, and how many took at most so many seconds. */
const counted = { 200: 0, 500: 0 };
const BOUNDS = [0.05, 0.2, 0.5];
const within = BOUNDS.map(() => 0);
let stuck = false;

function planted() {
  try {
    return JSON.parse(readFileSync(process.env.FAULTS, 'utf8'));
  } catch {
    return {};
  }
}

const json = (status, value) => ({ status, type: 'application/json', body: JSON.stringify(value) });
const html = (status, title) => ({
  status,
  type: 'text/html; charset=utf-8',
  body: `<!doctype html><h1>${title}</h1>`,
});

function count(status, seconds, fault) {
  const said = fault.ownCount === 'gloomy' && requests % 20 === 0 ? 500 : status >= 500 ? 500 : 200;
  counted[said] += 1;
  BOUNDS.forEach((bound, i) => {
    if (seconds <= bound) within[i] += 1;
  });
}

function told(fault) {
  const timed = fault.ownCount === 'coarse' ? [0.05, 0.5] : BOUNDS;
  const all = counted[200] + counted[500];
  return [
    ...Object.entries(counted).map(([status, n]) => `letters_requests_total{status="${status}"} ${n}`),
    ...timed.map((bound) => `letters_seconds_bucket{le="${bound}"} ${within[BOUNDS.indexOf(bound)]}`),
    `letters_seconds_bucket{le="+Inf"} ${all}`,
    '',
  ].join('\n');
}

const OPERATIONS = ['/healthz', '/readyz', '/metrics'];

async function ready(fault) {
  if (fault.readiness === 'never') return false;
  if (fault.readiness === 'blind') return true;
  const answers = await pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
  if (!answers && fault.readiness === 'stuck') stuck = true;
  if (fault.readiness !== 'stuck') stuck = false;
  return answers && !stuck;
}

const store = (key) => pool.query('INSERT INTO letters (key) VALUES ($1) ON CONFLICT DO NOTHING', [key]);

async function post(key, fault) {
  if (fault.writes === 'acknowledged before they are committed') {
    setTimeout(() => store(key).catch(() => undefined), 500);
    return json(201, { key });
  }
  await store(key);
  return fault.writes === 'committed but refused' ? json(409, { error: 'no room' }) : json(201, { key });
}

async function answer(request, fault) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (fault.anyPath === 'healthy') return json(200, { status: 'ok' });
  if (pathname === '/healthz') return json(fault.health === 'failing' ? 503 : 200, { status: 'ok' });
  if (pathname === '/readyz')
    return (await ready(fault)) ? json(200, { status: 'ready' }) : json(503, { status: 'no' });
  if (pathname === '/metrics')
    return fault.metrics === 'failing'
      ? json(500, {})
      : { status: 200, type: 'text/plain; version=0.0.4', body: told(fault) };
  requests += 1;
  if (fault.delayMs) await sleep(fault.delayMs);
  if (fault.everyNthFails && requests % fault.everyNthFails === 0) return json(500, { error: 'unlucky' });
  if (pathname === '/') {
    if (fault.page === 'broken') return html(500, 'Something went wrong');
    if (fault.page === 'gone') return html(404, 'Not here');
    return html(200, fault.page === 'another' ? 'It works!' : 'Letters');
  }
  if (pathname === '/letters' && request.method === 'POST') {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return post(JSON.parse(Buffer.concat(chunks).toString()).key, fault);
  }
  if (pathname.startsWith('/letters/')) {
    const { rowCount } = await pool.query('SELECT 1 FROM letters WHERE key = $1', [pathname.slice('/letters/'.length)]);
    return rowCount ? json(200, { found: true }) : json(404, { error: 'not found' });
  }
  return json(404, { error: 'not found' });
}

const server = createServer(async (request, response) => {
  const fault = planted();
  const begun = performance.now();
  const { status, type, body } = await answer(request, fault).catch(() => json(503, { error: 'unavailable' }));
  if (!OPERATIONS.includes(request.url)) count(status, (performance.now() - begun) / 1000, fault);
  response.writeHead(status, { ...(fault.headers === 'none' ? {} : PAGE_HEADERS), 'content-type': type });
  response.end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env.PORT), '127.0.0.1');

process.on('SIGTERM', () => {
  server.close(() => pool.end().finally(() => process.exit(0)));
  server.closeIdleConnections();
});
