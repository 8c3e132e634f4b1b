import * as z from 'zod';
import { alerts } from './alerts.ts';
import { tests } from './app-tests.ts';
import { loadBalancer, prometheus } from './by-url.ts';
import { cache } from './cache.ts';
import { compose } from './compose.ts';
import { database } from './database.ts';
import { hosts, production, staging } from './environments.ts';
import { exemptions } from './exemptions.ts';
import { httpExpectation } from './http.ts';
import { key } from './key.ts';
import { load } from './load.ts';
import { notifications } from './notifications.ts';
import { objectives } from './objectives.ts';
import { observe, runtime } from './observe.ts';
import { ownChecks } from './own-checks.ts';
import { recorder } from './recorder.ts';
import { secrets } from './secrets.ts';
import { services } from './services.ts';
import { commands, name, packageNames, relativePath } from './values.ts';
import { window } from './window.ts';

/**
 * holdpoint.yaml: the one source of its keys, from which the errors, the JSON Schema for editors and the reference page
 * come. Only `name` is required, with one of `services`, `compose` and `observe`.
 */
export const file = z.strictObject(
  {
    name: key(name('the name of the app'), {
      description: 'The name of the app; part of its host name, its database and its folders.',
      examples: ['stockroom'],
    }),
    services,
    compose,
    packages: key(packageNames.prefault([]), {
      description: 'Debian packages that services, migrations and builds stand on, beside Node.',
      examples: [['python3-fastapi', 'python3-uvicorn']],
    }),
    build: key(commands.prefault([]), {
      description:
        'Turns a clean copy of the source into what runs. Each item of a list is a whole command, never a word of one.',
      examples: [['npm ci', 'npm run build'], 'npm ci'],
      absent: 'the source runs as it is',
    }),
    tests,
    database,
    cache,
    secrets,
    hosts,
    production,
    staging,
    prometheus,
    loadBalancer,
    runtime,
    observe,
    smoke: key(z.array(httpExpectation, { error: 'a list of requests' }).prefault([]), {
      description: 'Requests through the load balancer that show that a deployment works.',
      examples: [[{ path: '/', contentType: 'text/html', contains: 'Stock' }], ['/']],
    }),
    load,
    recorder,
    objectives,
    alerts,
    window,
    notifications,
    exemptions,
    ownChecks,
    ignore: key(z.array(relativePath, { error: 'a list of files and folders' }).prefault([]), {
      description: 'Files and folders that are no part of a release, beside what git ignores.',
      examples: [['test/', 'docs/']],
    }),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? 'a mapping that begins with `name:` and `services:`' : undefined,
  },
);

export type FileInput = z.output<typeof file>;
