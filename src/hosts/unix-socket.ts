/** The longest path, in bytes, that a Unix socket can have: `sun_path` of Linux without its closing zero (unix(7)). */
export const LONGEST_SOCKET_PATH = 107;
