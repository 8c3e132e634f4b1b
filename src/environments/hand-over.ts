import type { UnitFile } from '../runtimes/unit.ts';
import { cacheUrl, withDatabaseNumber } from './cache.ts';
import { databaseUrl } from './database-access.ts';
import type { Environment } from './environment.ts';
import { appSecret, rememberHandedOver } from './secrets.ts';
import { cacheFile } from './service-units.ts';

/** Hands the app its URLs and secrets, as files of a store that its user alone can read. */
export async function handOverTo(environment: Environment, store: string): Promise<void> {
  const { runtime, app } = environment;
  await runtime.store(store, 'app');
  const secret = (path: string, content: string): UnitFile => ({ store, path, content, mode: 0o600, user: 'app' });
  const files: UnitFile[] = [];
  if (app.database) files.push(secret('database-url', await databaseUrl(environment, 'app')));
  if (app.cache) {
    const url = await cacheUrl(environment, app.cache);
    files.push(secret(cacheFile(0), url));
    for (const number of new Set(app.cache.databases.map((each) => each.number)))
      if (number !== 0) files.push(secret(cacheFile(number), withDatabaseNumber(url, number)));
  }
  for (const each of app.secrets) files.push(secret(`secret-${each.name}`, await appSecret(environment, each)));
  for (const { path, content } of files) await rememberHandedOver(environment, path, String(content));
  await runtime.put(files);
}
