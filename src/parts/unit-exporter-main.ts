import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { allProcesses, readProcess, treeUsage } from '../runtimes/process/proc.ts';

/**
 * What the units of one environment use, for Prometheus. Runs beside them as an ordinary user: it reads which units there
 * are from the runtime's folder, and what they use from /proc.
 *
 * Arguments: the folder `units` of the runtime, and the port on 127.0.0.1.
 */
const [folder = '', port = ''] = process.argv.slice(2);

type About = { readonly name: string; readonly of: string };

function units(): readonly { readonly about: About; readonly starts: readonly string[] }[] {
  return readdirSync(folder).flatMap((name) => {
    try {
      const about = JSON.parse(readFileSync(join(folder, name, 'about.json'), 'utf8')) as About;
      const starts = readFileSync(join(folder, name, 'starts'), 'utf8')
        .split('\n')
        .filter((line) => line !== '');
      return [{ about, starts }];
    } catch {
      // A unit that is being made or removed at this moment: it is there at the next scrape, or gone.
      return [];
    }
  });
}

function metrics(): string {
  const all = allProcesses();
  const lines = { cpu: [] as string[], memory: [] as string[], restarts: [] as string[], up: [] as string[] };
  for (const { about, starts } of units()) {
    const labels = `{unit="${about.name}",service="${about.of}"}`;
    const [pid, begun] = (starts.at(-1) ?? '').split(' ').map(Number);
    // Pid and start time together: another process may have been given the same pid.
    const alive = pid !== undefined && readProcess(pid)?.startTicks === begun;
    lines.up.push(`holdpoint_unit_up${labels} ${alive ? 1 : 0}`);
    lines.restarts.push(`holdpoint_unit_restarts_total${labels} ${Math.max(0, starts.length - 1)}`);
    const usage = alive ? treeUsage(pid, all) : undefined;
    if (usage === undefined) continue;
    lines.cpu.push(`holdpoint_unit_cpu_seconds_total${labels} ${usage.cpuSeconds}`);
    lines.memory.push(`holdpoint_unit_memory_bytes${labels} ${usage.memoryBytes}`);
  }
  return [
    '# TYPE holdpoint_host_cpu_cores gauge',
    `holdpoint_host_cpu_cores ${cpus().length}`,
    '# TYPE holdpoint_unit_up gauge',
    ...lines.up,
    '# TYPE holdpoint_unit_restarts_total counter',
    ...lines.restarts,
    '# TYPE holdpoint_unit_cpu_seconds_total counter',
    ...lines.cpu,
    '# TYPE holdpoint_unit_memory_bytes gauge',
    ...lines.memory,
    '',
  ].join('\n');
}

createServer((request, response) => {
  if (request.url !== '/metrics') {
    response.writeHead(404).end();
    return;
  }
  try {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metrics());
  } catch {
    // Without a view there is no figure: a failed scrape, not a zero.
    response.writeHead(500).end();
  }
}).listen(Number(port), '127.0.0.1');

process.on('SIGTERM', () => process.exit(0));
