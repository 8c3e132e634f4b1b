import { expect, it } from 'vitest';
import { placeText, problemText } from './problem.ts';
import { appFromText } from './read.ts';

const SOUND = 'name: a\nservices:\n  w: node a.js\n';
/** A sound file of three lines, and more from line 4 on. */
const more = (text: string) => SOUND + text;

/** What is wrong with the file, what stands in it, and every message: line, column, key, found, expected. */
const TABLE: readonly (readonly [what: string, text: string, messages: readonly string[]])[] = [
  ['an empty file', '', ['1:1  found an empty file; expected a mapping that begins with `name:` and `services:`']],
  [
    'only a comment',
    '# nothing yet\n',
    ['1:1  found an empty file; expected a mapping that begins with `name:` and `services:`'],
  ],
  ['a list', '- name: a\n', ['1:1  found a list; expected a mapping that begins with `name:` and `services:`']],
  [
    'a single text',
    'hello\n',
    ['1:1  found a single text; expected a mapping that begins with `name:` and `services:`'],
  ],
  [
    'no name and no services',
    'window: 24h\n',
    [
      '1:1  name: found nothing; expected the name of the app: lower-case letters, digits and single hyphens, beginning with a letter, at most 40 characters',
      '1:1  services: found nothing; expected a mapping of service names to commands, with at least one; or `compose: compose.yaml`',
    ],
  ],
  [
    'services without one',
    'name: a\nservices:\n',
    ['2:10  services: found nothing; expected a mapping of service names to commands, with at least one'],
  ],
  [
    'services as a list',
    'name: a\nservices: [node a.js]\n',
    ['2:11  services: found a list; expected a mapping of service names to commands, with at least one'],
  ],
  [
    'a name with capitals and a space',
    'name: Stock Room\nservices:\n  w: node a.js\n',
    [
      '1:7  name: found "Stock Room"; expected the name of the app: lower-case letters, digits and single hyphens, beginning with a letter, at most 40 characters',
    ],
  ],
  [
    'a service name with an underscore',
    'name: a\nservices:\n  deposit_agent: node a.js\n',
    [
      '3:3  services.deposit_agent: found the key "deposit_agent"; expected a service name: lower-case letters, digits and single hyphens, beginning with a letter, at most 32 characters',
    ],
  ],
  [
    'a service given twice',
    'name: a\nservices:\n  w: node a.js\n  w: node b.js\n',
    ['4:3  services.w: found it a second time; the first is on line 3; expected each key once'],
  ],
  [
    'an unknown key near a known one',
    more('windw: 24h\n'),
    ['4:1  windw: found the unknown key "windw"; expected a known key; did you mean "window"?'],
  ],
  [
    'a key in snake case',
    more('load: { requests_per_minute: 5, requestsPerMinute: 5, requests: [/] }\n'),
    [
      '4:9  load.requests_per_minute: found the unknown key "requests_per_minute"; expected a known key; did you mean "requestsPerMinute"?',
    ],
  ],
  [
    'a key that belongs to the file',
    'name: a\nservices:\n  w: { command: node a.js, kind: agent, load: { requestsPerMinute: 5 } }\n',
    [
      '3:41  services.w.load: found the unknown key "load"; expected "load" at the left margin: it is a key of the file, not of `services.w`',
    ],
  ],
  [
    'a key that belongs to a service',
    more('readiness: /readyz\n'),
    ['4:1  readiness: found the unknown key "readiness"; expected "readiness" below one of the services'],
  ],
  [
    'a key like no other',
    more('tests: { command: npm test, zebra: 1 }\n'),
    ['4:29  tests.zebra: found the unknown key "zebra"; expected one of command, prepare, coverage, environment'],
  ],
  ['a tab', more('window:\n\tlength: 24h\n'), ['5:1  found a tab; expected spaces for indentation']],
  [
    'an open quote',
    more('window: "24h\n'),
    ['4:9  found a quote that is never closed; expected the same one again at its end'],
  ],
  [
    'an open bracket',
    more('window: { length: 24h\n'),
    ['4:9  found a bracket that is never closed; expected its closing one'],
  ],
  ['two documents', more('---\nname: b\n'), ['4:1  found a second document after `---`; expected one document']],
  [
    'a key without a space after its colon',
    more('window:24h\n'),
    [
      '4:1  found something that is not complete; expected a key, a colon and a space (`key: value`), or a comma between items in brackets',
    ],
  ],
  [
    'uneven indentation',
    more('window:\n    length: 24h\n  requestsPerMinute: 600\n'),
    [
      '6:1  found a line that is indented neither like its neighbours nor below one of them; expected the same indentation for all keys of a mapping',
    ],
  ],
  [
    'an alias without its anchor',
    more('load: *load\n'),
    ['4:7  found an alias without its anchor; expected an anchor of that name further up, or quotes around the text'],
  ],
  ['a tag', more('window: !duration 24h\n'), ['4:9  found a tag; expected a value without a tag (`!…`)']],
  [
    'a text that begins with @',
    more('window: @daily\n'),
    ['4:9  found a text that begins with a reserved character; expected quotes around it'],
  ],
  [
    'text where a number belongs',
    'name: a\nservices:\n  w: { command: node a.js, instances: two }\n',
    ['3:39  services.w.instances: found "two"; expected a whole number of instances from 1 to 32'],
  ],
  [
    'too many instances',
    'name: a\nservices:\n  w: { command: node a.js, instances: 33 }\n',
    ['3:39  services.w.instances: found 33; expected a whole number of instances from 1 to 32'],
  ],
  [
    'a kind that does not exist',
    'name: a\nservices:\n  w: { command: node a.js, kind: worker }\n',
    ['3:34  services.w.kind: found "worker"; expected `web` or `agent`'],
  ],
  [
    'a signal that cannot be caught',
    'name: a\nservices:\n  w: { command: node a.js, stop: { signal: SIGKILL } }\n',
    ['3:44  services.w.stop.signal: found "SIGKILL"; expected one of SIGTERM, SIGINT, SIGQUIT'],
  ],
  [
    'a duration without a unit',
    more('window: 24\n'),
    [
      '4:9  window: found 24; expected a duration such as `24h`, or a mapping with `length`, `requestsPerMinute` or `requests`',
    ],
  ],
  [
    'a duration of an unknown unit',
    more('window: 24 hrs\n'),
    ['4:9  window: found "24 hrs"; expected a duration such as `200ms`, `30s`, `2m`, `24h` or `7d`'],
  ],
  [
    'a duration of nothing',
    more('window: 0h\n'),
    ['4:9  window: found "0h"; expected a duration such as `200ms`, `30s`, `2m`, `24h` or `7d`'],
  ],
  [
    'a size without a unit',
    'name: a\nservices:\n  w: { command: node a.js, memory: 512 }\n',
    ['3:36  services.w.memory: found a number; expected a size such as `512 MiB`, `512MB` or `2 GiB`'],
  ],
  [
    'a percentage without its sign',
    more('alerts: { cpu: 85 }\n'),
    [
      '4:16  alerts.cpu: found 85; expected a percentage such as `85 %`, a mapping with `threshold`, `for` or `severity`, or `false`',
    ],
  ],
  [
    'off instead of false',
    more('staging: off\n'),
    [
      '4:10  staging: found "off"; expected a mapping with `hostname`, `httpsPort`, `firstPort`, `host` or `runtime`, or `false`',
    ],
  ],
  [
    'a path without a slash',
    'name: a\nservices:\n  w: { command: node a.js, health: healthz }\n',
    ['3:36  services.w.health: found "healthz"; expected a path that begins with `/` and holds no spaces'],
  ],
  [
    'a status that does not exist',
    more('smoke: [{ path: /, status: 99 }]\n'),
    ['4:28  smoke[0].status: found 99; expected a status code from 100 to 599'],
  ],
  [
    'a pipe',
    'name: a\nservices:\n  w: node a.js | tee log\n',
    [
      '3:6  services.w: found a pipe at character 11; expected a command that runs without a shell: put it into a script and give the script',
    ],
  ],
  [
    'two commands joined',
    more('build: npm ci && npm run build\n'),
    [
      '4:8  build: found an `&` at character 8; expected a command that runs without a shell: put it into a script and give the script',
    ],
  ],
  [
    'a shell variable',
    'name: a\nservices:\n  w: node a.js --port $PORT\n',
    [
      '3:6  services.w: found a shell variable at character 18; expected a command that runs without a shell: give values under `environment`, or put a `$` that is meant as it stands into single quotes',
    ],
  ],
  [
    'an open quote in a command',
    "name: a\nservices:\n  w: node a.js 'x\n",
    [
      '3:6  services.w: found a quote that is never closed at character 11; expected a command that runs without a shell: close it',
    ],
  ],
  [
    'a number in a list of words',
    more('tests: { command: [npm, 3] }\n'),
    ['4:25  tests.command[1]: found a number; expected a word of the command, as text'],
  ],
  [
    'the same TLS port twice',
    more('staging: { httpsPort: 8443 }\n'),
    ['4:23  staging.httpsPort: found port 8443; expected ports apart from production.httpsPort, which has port 8443'],
  ],
  [
    'ranges of ports that overlap',
    more('staging: { firstPort: 21050 }\n'),
    [
      '4:23  staging.firstPort: found ports 21050 to 21149; expected ports apart from production.firstPort, which has ports 21000 to 21099',
    ],
  ],
  [
    'a TLS port in the range',
    more('production: { httpsPort: 21005 }\n'),
    [
      '4:26  production.httpsPort: found port 21005; expected ports apart from production.firstPort, which has ports 21000 to 21099',
    ],
  ],
  [
    'a privileged port',
    more('production: { httpsPort: 443 }\n'),
    ['4:26  production.httpsPort: found 443; expected a port from 1024 to 65535'],
  ],
  [
    'a range that runs out of ports',
    more('production: { firstPort: 65500 }\n'),
    ['4:26  production.firstPort: found 65500; expected a port from 1024 to 65436'],
  ],
  [
    'load without a web service',
    'name: a\nservices:\n  w: { command: node a.js, kind: agent }\nload: { requestsPerMinute: 5, requests: [/] }\n',
    ['4:1  load: found requests, but no service that could answer them; expected a service of kind `web`'],
  ],
  [
    'load without requests',
    more('load: { requestsPerMinute: 5, requests: [] }\n'),
    ['4:41  load.requests: found an empty list; expected a list of requests, with at least one'],
  ],
  [
    'an unknown placeholder',
    more('load: { requestsPerMinute: 5, requests: ["/api/{id}"] }\n'),
    ['4:42  load.requests[0]: found another text; expected a path with no other placeholder than `{uuid}` and `{n}`'],
  ],
  [
    'a recorder that cannot tell its writes apart',
    more('recorder: { write: { path: /w, body: x }, read: { path: "/r/{key}" } }\n'),
    ['4:13  recorder.write: found a write without an identity; expected `{key}` in `path`, `headers` or `body`'],
  ],
  [
    'a recorder that reads one address',
    more('recorder: { write: { path: /w, body: "{key}" }, read: { path: /r } }\n'),
    ['4:63  recorder.read.path: found "/r"; expected a path that holds `{key}`, the identity of the write'],
  ],
  [
    'writes in the window',
    more('window: { requests: [{ path: /, method: POST }] }\n'),
    ['4:33  window.requests[0].method: found the unknown key "method"; expected one of weight, path, headers'],
  ],
  [
    'a step id that cannot be',
    more('objectives: { A.9/latency: { latency-p95: 200ms } }\n'),
    ['4:15  objectives["A.9/latency"]: found the key "A.9/latency"; expected the id of a step, such as `A.1/latency`'],
  ],
  [
    'a threshold in miles',
    more('objectives: { A.1/latency: { latency-p95: 200 miles } }\n'),
    [
      '4:43  objectives["A.1/latency"].latency-p95: found "200 miles"; expected a number, with its unit where it has one: `200ms`, `0.1 %`, `512 MiB`, `10000/min`, `0`',
    ],
  ],
  [
    'a gate that does not exist',
    more('objectives: { A.1/latency: { latency-p95: { gate: holds } } }\n'),
    ['4:51  objectives["A.1/latency"].latency-p95.gate: found "holds"; expected `hold`, `warn` or `inform`'],
  ],
  [
    'a check whose threshold has another unit',
    more('ownChecks: { q: { command: x, metric: q, unit: count, comparator: <, threshold: 5 ms } }\n'),
    ['4:81  ownChecks.q.threshold: found one in ms; expected a threshold in count, the `unit` of the check'],
  ],
  [
    'a check without its threshold',
    more('ownChecks: { q: { command: x, metric: q, unit: count, comparator: < } }\n'),
    [
      '4:14  ownChecks.q.threshold: found nothing; expected a number, with its unit where it has one: `200ms`, `0.1 %`, `512 MiB`, `10000/min`, `0`',
    ],
  ],
  [
    'an exemption until a day that does not exist',
    more('exemptions: [{ step: A.1/x, objective: y, owner: Mia, reason: Later., lastDay: 2026-02-30 }]\n'),
    ['4:80  exemptions[0].lastDay: found "2026-02-30"; expected a day of the calendar such as `2026-12-31`'],
  ],
  [
    'an exemption that nobody answers for',
    more('exemptions: [{ step: A.1/x, objective: y, owner: " ", reason: Later., lastDay: 2026-12-31 }]\n'),
    ['4:50  exemptions[0].owner: found an empty text; expected the name of the person who answers for it'],
  ],
  [
    'an alert on a database that is not there',
    more('alerts: { database-connections: 150 }\n'),
    [
      '4:11  alerts.database-connections: found an alert on a database that the app does not have; expected `database`, or no such alert',
    ],
  ],
  [
    'one variable from two places',
    more('database: postgres\nsecrets: { database-url: { from: "env:X", as: value } }\n'),
    [
      '5:12  secrets.database-url: found the variable DATABASE_URL, which database sets as well; expected another variable',
    ],
  ],
  [
    'the port set by hand',
    'name: a\nservices:\n  w: { command: node a.js, environment: { PORT: 3000 } }\n',
    [
      '3:43  services.w.environment.PORT: found the variable PORT, which services.w.portVariable sets as well; expected each variable from one place',
    ],
  ],
  [
    'a password in the database URL',
    more('database: { url: "postgres://app:hunter2@db/app" }\n'),
    [
      '4:18  database.url: found a text that may be the secret itself, so it is not shown; expected a reference to a secret: `file:PATH`, `dotenv:PATH#VARIABLE`, `env:VARIABLE` or `command:COMMAND`',
    ],
  ],
  [
    'a database of somebody else without its URL',
    more('database: { managed: false }\n'),
    ['4:22  database.managed: found no `url` of it; expected `url`, a reference to its URL'],
  ],
  [
    'a URL of a database that Holdpoint should run',
    more('database: { managed: true, url: env:DB }\n'),
    ['4:22  database.managed: found `true`; expected `managed: false` beside `url`'],
  ],
  [
    'a URL of a cache that Holdpoint should run',
    more('cache: { managed: true, url: env:R }\n'),
    ['4:19  cache.managed: found `true`; expected `managed: false` beside `url`'],
  ],
  [
    'a cache of somebody else without its URL',
    more('cache: { managed: false }\n'),
    ['4:19  cache.managed: found no `url` of it; expected `url`, a reference to its URL'],
  ],
  [
    "the size of somebody else's cache",
    more('cache: { url: env:R, memory: 64 MiB }\n'),
    ['4:30  cache.memory: found one; expected no `memory` beside `url`: who runs it decides'],
  ],
  [
    'a database of a cache that no Redis has',
    more('cache: { databases: { BROKER_URL: 16 } }\n'),
    ['4:35  cache.databases.BROKER_URL: found 16; expected a whole number from 0 to 15'],
  ],
  [
    'two URLs of a cache in one variable',
    more('cache: { databases: { REDIS_URL: 1 } }\n'),
    [
      '4:23  cache.databases.REDIS_URL: found the variable REDIS_URL, which cache sets as well; expected another variable',
    ],
  ],
  [
    'a cache of a deployment that is only observed',
    'name: a\nobserve: { url: "https://a.example.com" }\ncache: redis\n',
    ['3:1  cache: found a cache beside `observe`; expected none: no step looks at one that somebody else runs'],
  ],
  [
    'packages that are no list',
    more('packages: python3-fastapi\n'),
    ['4:11  packages: found another text; expected a list of Debian packages, such as `python3-fastapi`'],
  ],
  [
    'a package that Debian could not have',
    more('packages: [Python3]\n'),
    ['4:12  packages[0]: found another text; expected the name of a Debian package, such as `python3-fastapi`'],
  ],
  [
    'a host without its key',
    more('hosts: { web1: deploy@web1 }\n'),
    ['4:16  hosts.web1: found another text; expected a mapping with `ssh`'],
  ],
  [
    'an option in the place of a host',
    more('hosts: { web1: { ssh: "-oProxyCommand=x" } }\n'),
    [
      '4:23  hosts.web1.ssh: found another text; expected what ssh takes as its destination: a name of its configuration, or `user@host`',
    ],
  ],
  [
    'a host that has the name of this machine',
    more('hosts: { local: { ssh: x } }\n'),
    ['4:10  hosts.local: found the name `local`; expected another name: `local` is the machine that Holdpoint runs on'],
  ],
  [
    'a host that is not there, near one that is',
    more('hosts: { web1: { ssh: x } }\nproduction: { host: wbe1 }\n'),
    ['5:21  production.host: found "wbe1"; expected `local` or a name of `hosts`; did you mean "web1"?'],
  ],
  [
    'a host where there are none',
    more('production: { host: web1 }\n'),
    ['4:21  production.host: found "web1"; expected `local` or a name of `hosts`'],
  ],
  [
    'a runtime that does not exist',
    more('production: { runtime: swarm }\n'),
    ['4:24  production.runtime: found "swarm"; expected `process` or `docker`'],
  ],
  [
    'a runtime of an environment at the left margin',
    more('runtime: docker\n'),
    [
      '4:10  runtime: found "docker"; expected `none`, with `observe`; `process` and `docker` are said below `production` and `staging`',
    ],
  ],
  [
    'nothing deployed and nothing to look at',
    more('runtime: none\n'),
    ['4:1  runtime: found a deployment that Holdpoint does not make; expected `observe`, which says where it is'],
  ],
  [
    'the same without services',
    'name: a\nruntime: none\n',
    ['2:1  runtime: found a deployment that Holdpoint does not make; expected `observe`, which says where it is'],
  ],
  [
    'observing without a URL',
    'name: a\nobserve: { health: / }\n',
    [
      '2:1  observe.url: found nothing; expected an http or https URL without a login, such as `https://shop.example.com`',
    ],
  ],
  [
    'a login in a URL',
    'name: a\nobserve: { url: "https://u:pw@shop.example.com" }\n',
    [
      '2:17  observe.url: found another text; expected an http or https URL without a login, such as `https://shop.example.com`',
    ],
  ],
  [
    'a URL where a mapping belongs',
    'name: a\nobserve: https://shop.example.com\n',
    ['2:10  observe: found another text; expected a mapping with `url`'],
  ],
  [
    'a database URL that is no reference',
    'name: a\nobserve: { url: https://shop.example.com, database: postgres://x }\n',
    [
      '2:53  observe.database: found a text that may be the secret itself, so it is not shown; expected a reference to a secret: `file:PATH`, `dotenv:PATH#VARIABLE`, `env:VARIABLE` or `command:COMMAND`',
    ],
  ],
  [
    'queries that are none',
    'name: a\nobserve: { url: https://shop.example.com, metrics: { requests: 5, latency: x } }\n',
    [
      '2:64  observe.metrics.requests: found a number; expected a PromQL expression',
      '2:67  observe.metrics.latency: found the unknown key "latency"; expected a known key; did you mean "latencyP95"?',
    ],
  ],
  [
    'a word for a yes',
    'name: a\nobserve: { url: https://shop.example.com, allowWrites: yes }\n',
    ['2:56  observe.allowWrites: found "yes"; expected `true` or `false`'],
  ],
  [
    'golden series without metrics to read them off',
    'name: a\nservices:\n  w: { command: node a.js, golden: { requests: http_requests_total, status: code } }\n',
    [
      '3:28  services.w.golden: found golden series of a service without `metrics`; expected `metrics: /metrics` beside it',
    ],
  ],
  [
    'two services that would share all requests',
    'name: a\nservices:\n  w: node a.js\n  api: node b.js\n  inner: { command: node c.js, paths: [] }\n',
    [
      '4:3  services.api: found a second `web` service for every path, beside w; expected `paths: [/api]` in one of them, `paths: []` where only other services reach it, or `kind: agent`',
    ],
  ],
  [
    'paths that are none, that two services have, or that an agent has',
    'name: a\nservices:\n  w: { command: node a.js, paths: [/a/, "/b*"] }\n  x: { command: node a.js, paths: [/x] }\n  y: { command: node a.js, paths: [/x] }\n  z: { command: node a.js, kind: agent, paths: [/z] }\n',
    [
      '3:36  services.w.paths[0]: found "/a/"; expected a list of paths such as `/api`, without `*` and without a slash at the end',
      '3:41  services.w.paths[1]: found another text; expected a list of paths such as `/api`, without `*` and without a slash at the end',
      '5:36  services.y.paths[0]: found /x, which x has; expected each path once',
      '6:41  services.z.paths: found paths of an agent, which no request of people reaches; expected no `paths`, or `kind: web`',
    ],
  ],
  [
    'addresses of what is no other service',
    'name: a\nservices:\n  w:\n    command: node a.js\n    addresses: { API_URL: apy/v1, OWN: w, PORT: api }\n  api: { command: node b.js, paths: [] }\n',
    [
      '5:27  services.w.addresses.API_URL: found "apy/v1"; expected the name of another service; did you mean "api"?',
      '5:40  services.w.addresses.OWN: found the service itself; expected the name of another service',
      '5:43  services.w.addresses.PORT: found the variable PORT, which services.w.portVariable sets as well; expected each variable from one place',
    ],
  ],
  [
    'an address that is a URL',
    'name: a\nservices:\n  w: { command: node a.js, addresses: { X: "http://api" } }\n',
    [
      '3:44  services.w.addresses.X: found another text; expected the name of a service, with a path if you like: `pricing` or `pricing/v1`',
    ],
  ],
  [
    'more services than an environment has ports for',
    'name: a\nservices:\n  w: { command: node a.js, instances: 32 }\n  x: { command: node a.js, instances: 16, kind: agent }\n',
    [
      '2:1  services: found services that take 86 ports of an environment; expected at most 85: fewer services, or fewer instances of one',
    ],
  ],
  [
    'golden series of an agent',
    'name: a\nservices:\n  w: { command: node a.js, kind: agent, metrics: /m, golden: { requests: r_total, status: code } }\n',
    [
      '3:54  services.w.golden: found golden series of an agent, which answers no requests; expected no `golden`, or `kind: web`',
    ],
  ],
  [
    "golden series that somebody else's Prometheus sees",
    'name: a\nprometheus: { managed: false, url: "https://p.example.com" }\nservices:\n  w: { command: node a.js, metrics: /m, golden: { requests: r_total, status: code } }\n',
    [
      "4:41  services.w.golden: found golden series beside somebody else's `prometheus`; expected no `golden`: the synthetic client's view counts",
    ],
  ],
  [
    'golden series that are none',
    'name: a\nservices:\n  w:\n    command: node a.js\n    metrics: /metrics\n    golden:\n      requests: http requests\n      state: code\n      duration: http_request_duration_seconds_bucket\n      except: { __name__: /metrics, route: [] }\n',
    [
      '6:5  services.w.golden.status: found nothing; expected the name of a label, such as `status`',
      '7:17  services.w.golden.requests: found "http requests"; expected the name of a metric, such as `http_requests_total`',
      '8:7  services.w.golden.state: found the unknown key "state"; expected a known key; did you mean "status"?',
      '9:17  services.w.golden.duration: found "http_request_duration_seconds_bucket"; expected the name of a histogram without `_bucket`, such as `http_request_duration_seconds`',
      '10:17  services.w.golden.except.__name__: found the key "__name__"; expected the name of a label, such as `status`',
      '10:44  services.w.golden.except.route: found an empty list; expected a value of the label, or a list of them',
    ],
  ],
  [
    'the sum of a histogram as a counter of requests',
    'name: a\nservices:\n  w: { command: node a.js, metrics: /m, golden: { requests: r_seconds_sum, status: code } }\n',
    [
      '3:61  services.w.golden.requests: found "r_seconds_sum"; expected the name of a metric, such as `http_requests_total`; of a histogram its `_count`',
    ],
  ],
  [
    'what would have to be made, beside observing',
    'name: a\nobserve: { url: https://shop.example.com }\ndatabase: postgres\nstaging: { httpsPort: 9999 }\n',
    [
      '3:1  database: found a database beside `observe`; expected `observe.database`, a reference to its URL',
      '4:1  staging: found a staging environment beside `observe`; expected none: Holdpoint deploys nothing',
    ],
  ],
  [
    'a Prometheus that Holdpoint should manage',
    more('prometheus: { managed: true, url: http://p:9090 }\n'),
    ['4:24  prometheus.managed: found true; expected `false`: what Holdpoint runs itself needs no mapping at all'],
  ],
  [
    'a Prometheus of an unknown protocol',
    more('prometheus: p:9090\n'),
    [
      '4:13  prometheus: found another text; expected an http or https URL without a login, such as `https://shop.example.com`',
    ],
  ],
  [
    'a load balancer without its URL',
    more('loadBalancer: { managed: false }\n'),
    [
      '4:1  loadBalancer.url: found nothing; expected an http or https URL without a login, such as `https://shop.example.com`',
    ],
  ],
  [
    'a load balancer of another protocol',
    more('loadBalancer: { managed: false, url: ftp://x }\n'),
    [
      '4:38  loadBalancer.url: found another text; expected an http or https URL without a login, such as `https://shop.example.com`',
    ],
  ],
  [
    'an image and a Dockerfile',
    'name: a\nservices:\n  w: { image: "nginx:1.27", dockerfile: Dockerfile }\n',
    ['3:41  services.w.dockerfile: found `image` and `dockerfile`; expected only one of them'],
  ],
  [
    'a service that nothing starts',
    'name: a\nservices:\n  w: { kind: agent }\n',
    ['3:6  services.w: found nothing that could run; expected `command`, `image`, `dockerfile` or `static`'],
  ],
  [
    'an image with a space',
    'name: a\nservices:\n  w: { image: "NGINX 1" }\n',
    [
      '3:15  services.w.image: found another text; expected an image such as `nginx:1.27`, better with its digest: `nginx@sha256:…`',
    ],
  ],
  [
    'a Dockerfile outside the app',
    'name: a\nservices:\n  w: { dockerfile: ../Dockerfile }\n',
    [
      '3:20  services.w.dockerfile: found "../Dockerfile"; expected a path relative to the folder of holdpoint.yaml, without `..`',
    ],
  ],
  [
    'a secret among build arguments',
    'name: a\nservices:\n  w: { dockerfile: { arguments: { NPM_TOKEN: hunter2 } } }\n',
    [
      '3:46  services.w.dockerfile.arguments.NPM_TOKEN: found what looks like a secret; expected only what anybody may read; a secret goes under `secrets`, as a reference',
    ],
  ],
  [
    'a port that does not exist',
    'name: a\nservices:\n  w: { image: nginx, port: 70000 }\n',
    ['3:28  services.w.port: found 70000; expected a port from 1 to 65535'],
  ],
  [
    'files and a command',
    'name: a\nservices:\n  w: { static: public, command: node a.js }\n',
    ['3:33  services.w.command: found a command beside `static`; expected one of them'],
  ],
  [
    'an entrypoint without an image',
    'name: a\nservices:\n  w: { command: node a.js, entrypoint: sh }\n',
    [
      '3:40  services.w.entrypoint: found an entrypoint without an image; expected `image` or `dockerfile`, or the whole command line in `command`',
    ],
  ],
  [
    'an image on the runtime process',
    'name: a\nservices:\n  w: { image: nginx }\nproduction: { runtime: process }\n',
    ['3:8  services.w.image: found an image; expected `runtime: docker` in `production`, which has `runtime: process`'],
  ],
  [
    'a Dockerfile on the runtime process of staging',
    'name: a\nservices:\n  w: { dockerfile: Dockerfile }\nstaging: { runtime: process }\n',
    [
      '3:8  services.w.dockerfile: found a Dockerfile; expected `runtime: docker` in `staging`, which has `runtime: process`',
    ],
  ],
  [
    'a fixed port on the runtime process',
    'name: a\nservices:\n  w: { command: x, port: 80 }\nproduction: { runtime: process }\n',
    [
      '3:20  services.w.port: found a fixed port; expected `runtime: docker` in `production`, which has `runtime: process`',
    ],
  ],
  [
    'one variable for address and port',
    'name: a\nservices:\n  w: { command: x, portVariable: HOST }\n',
    [
      '3:3  services.w.hostVariable: found the variable HOST, which services.w.portVariable sets as well; expected each variable from one place',
    ],
  ],
  [
    'a check of two kinds',
    more('ownChecks: { q: { command: x, module: y.ts, metric: q, unit: count, comparator: <, threshold: 5 } }\n'),
    ['4:17  ownChecks.q: found `command` and `module`; expected either `command` or `module`'],
  ],
  [
    'a check of no kind',
    more('ownChecks: { q: { metric: q, unit: count, comparator: <, threshold: 5 } }\n'),
    ['4:17  ownChecks.q: found nothing that measures; expected either `command` or `module`'],
  ],
  [
    'a password at the left margin',
    more('password: hunter2\n'),
    [
      '4:1  password: found the unknown key "password"; expected a reference under `secrets` instead; no secret is written into this file',
    ],
  ],
  [
    'a literal secret',
    more('secrets: { session: hunter2 }\n'),
    [
      '4:21  secrets.session: found a text that may be the secret itself, so it is not shown; expected a reference to a secret: `file:PATH`, `dotenv:PATH#VARIABLE`, `env:VARIABLE` or `command:COMMAND`, or `generated:BYTES` (16 to 1024)',
    ],
  ],
  [
    'a generated secret of too few bytes',
    more('secrets: { session: "generated:8" }\n'),
    [
      '4:21  secrets.session: found a text that may be the secret itself, so it is not shown; expected a reference to a secret: `file:PATH`, `dotenv:PATH#VARIABLE`, `env:VARIABLE` or `command:COMMAND`, or `generated:BYTES` (16 to 1024)',
    ],
  ],
  [
    'a password in the environment',
    'name: a\nservices:\n  w: { command: node a.js, environment: { DB_PASSWORD: hunter2 } }\n',
    [
      '3:56  services.w.environment.DB_PASSWORD: found what looks like a secret; expected only what anybody may read; a secret goes under `secrets`, as a reference',
    ],
  ],
  [
    'a password among the words of a command',
    'name: a\nservices:\n  w: node a.js --password hunter2\n',
    [
      '3:6  services.w: found a command with what looks like a secret in it; expected no secret among the words, where every process list shows it; name it under `secrets` instead',
    ],
  ],
  [
    'a login in a header',
    more('smoke: [{ path: /, headers: { Authorization: Bearer hunter2 } }]\n'),
    [
      '4:46  smoke[0].headers.Authorization: found what looks like a secret; expected no login in the file; send only what anybody may send',
    ],
  ],
  [
    'a webhook with a token',
    more('notifications: [{ webhook: "https://chat.example.com/T0/abcdefghij0123456789klm" }]\n'),
    [
      '4:28  notifications[0].webhook: found a text that may be the secret itself, so it is not shown; expected a reference to a secret: `file:PATH`, `dotenv:PATH#VARIABLE`, `env:VARIABLE` or `command:COMMAND`; or, where it holds nothing secret, an http or https URL',
    ],
  ],
  [
    'a volume outside the data',
    'name: a\nservices:\n  w: { command: node a.js, volumes: { data: { variable: DB, file: ../x } } }\n',
    [
      '3:67  services.w.volumes.data.file: found "../x"; expected a path relative to the folder of holdpoint.yaml, without `..`',
    ],
  ],
  [
    'a coverage report of unknown format',
    more('tests: { command: npm test, coverage: coverage/all }\n'),
    [
      '4:39  tests.coverage: found a name that does not tell; expected a report whose name tells its format, or `format` as well: one of istanbul-summary, lcov, cobertura',
    ],
  ],
  ['nothing after a key', more('database:\n'), ['4:10  database: found nothing; expected `postgres`, or a mapping']],
  [
    'several at once, in the order of the file',
    more('windw: 24h\nstaging: { httpsPort: high }\ncache: memcached\n'),
    [
      '4:1  windw: found the unknown key "windw"; expected a known key; did you mean "window"?',
      '5:23  staging.httpsPort: found "high"; expected a port from 1024 to 65535',
      '6:8  cache: found "memcached"; expected `redis`, or a mapping',
    ],
  ],
  [
    'a blank of holdpoint init',
    more('production: { hostname: FILL-IN }\n'),
    [
      '4:25  production.hostname: found a blank that `holdpoint init` left; expected a host name such as `stockroom.example.com`',
    ],
  ],
  [
    'a blank where any text could be',
    'name: a\nservices:\n  w: { command: FILL-IN }\n',
    [
      '3:17  services.w.command: found a blank that `holdpoint init` left; expected what starts one instance, from the root of the built app and without a shell',
    ],
  ],
  [
    'a blank in a list',
    more('packages: [FILL-IN]\n'),
    [
      '4:12  packages[0]: found a blank that `holdpoint init` left; expected the name of a Debian package, such as `python3-fastapi`',
    ],
  ],
  [
    'the fault in an anchor that was merged',
    'x-c: &c { memory: huge }\nname: a\nservices:\n  w: { <<: *c, command: node a.js }\n',
    ['1:19  services.w.memory: found "huge"; expected a size such as `512 MiB`, `512MB` or `2 GiB`'],
  ],
];

it.each(TABLE)('%s', (_what, text, messages) => {
  const reading = appFromText(text, 'holdpoint.yaml', '/app');
  const problems = reading.kind === 'problems' ? reading.problems : [];
  expect(problems.map((p) => `${placeText(p)}  ${problemText(p)}`)).toEqual(
    messages.map((message) => `holdpoint.yaml:${message}`),
  );
});

it('asks for no more than a name and a service: the table changes one sound file', () => {
  expect(appFromText(SOUND, 'holdpoint.yaml', '/app').kind).toBe('app');
});
