import type { Problem } from '../../evidence/problem.ts';

/** What ssh said, as a person can act on it. Nothing was sent to the other side in any of these cases. */
export function lineProblem(destination: string, says: string): Problem {
  const detail = says
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^[@*\s]+$/.test(line) && !line.startsWith('debug1:'))
    .slice(-8);
  const about = { kind: 'host', where: destination, detail } as const;
  const must = `\`ssh -o BatchMode=yes ${destination} true\` must succeed`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Offending .* key/i.test(says))
    return {
      ...about,
      what: `the key of ${destination} is not the one that known_hosts has${keyIn(says)}; nothing was sent there`,
      next: `find out why (a new machine, or somebody in between); then \`ssh-keygen -R HOST\`, and \`ssh ${destination}\` once by hand`,
    };
  if (/Host key verification failed|No .* host key is known/i.test(says))
    return {
      ...about,
      what: `the key of ${destination} is not known yet${keyIn(says)}`,
      next: `\`ssh ${destination}\` once by hand, compare the fingerprint, and launch again`,
    };
  if (/Permission denied|Too many authentication failures/i.test(says))
    return {
      ...about,
      what: `${destination} does not let us in without a password`,
      next: `put a key there (\`ssh-copy-id ${destination}\`) and into the agent; ${must}`,
    };
  if (/ENOENT/.test(says))
    return { ...about, what: 'ssh is not installed on this machine', next: 'sudo apt-get install -y openssh-client' };
  return { ...about, what: `${destination} was not reached`, next: must };
}

/** What `ssh -v` tells of the key that the other side showed. */
const keyIn = (says: string): string => {
  const [, kind, print] = /Server host key: (\S+) (SHA256:\S+)/.exec(says) ?? [];
  return kind === undefined || print === undefined ? '' : ` (${kind} ${print})`;
};
