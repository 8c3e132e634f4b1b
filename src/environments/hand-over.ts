import type { Service } from '../config/app.ts';
import type { UnitFile } from '../runtimes/unit.ts';
import { cacheUrl, withDatabaseNumber } from './cache.ts';
import { databaseUrl } from './database-access.ts';
import type { Environment } from './environment.ts';
import { appSecret, rememberHandedOver } from './secrets.ts';
import { cacheFile, cacheUrls, volumeStore } from './service-units.ts';

/**
 * Makes what a service finds, and a job that runs in its place: its volumes, and the app's URLs and secrets as files of a
 * store that its user alone can read.
 */
export async function handOverTo(environment: Environment, service: Service | undefined, store: string): Promise<void> {
  const { runtime, app } = environment;
  await runtime.store(store, 'app');
  for (const volume of service?.volumes ?? [])
    await runtime.store(volumeStore(service?.name ?? '', volume.name), 'app');
  const secret = (path: string, content: string): UnitFile => ({ store, path, content, mode: 0o600, user: 'app' });
  const files: UnitFile[] = [];
  if (app.database) files.push(secret('database-url', await databaseUrl(environment, 'app')));
  if (app.cache) {
    const url = await cacheUrl(environment, app.cache);
    for (const number of new Set(cacheUrls(app.cache).map((each) => each.number)))
      files.push(secret(cacheFile(number), number === 0 ? url : withDatabaseNumber(url, number)));
  }
  for (const each of app.secrets) files.push(secret(`secret-${each.name}`, await appSecret(environment, each)));
  for (const { path, content } of files) await rememberHandedOver(environment, path, String(content));
  await runtime.put(files);
}
