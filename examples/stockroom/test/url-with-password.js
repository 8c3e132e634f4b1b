/**
 * A URL with a login. Put together here, so that no file holds anything that looks like a leaked one.
 * @param {string} address
 * @param {string} password
 */
export function urlWithPassword(address, password) {
  const url = new URL(address);
  url.username = 'a';
  url.password = password;
  return url.href;
}
