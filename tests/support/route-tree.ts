/**
 * The routes of a server, as `METHOD /path/{name}`, from Fastify's printed tree (with
 * `commonPrefix: false`): each line's depth is four characters a level, its path hangs on its
 * parent's.
 */
export const routesIn = (tree: string): string[] => {
  const paths: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const read = /^((?:[│ ] {3})*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line);
    if (read === null) {
      if (line.trim() === '') return [];
      throw new Error(`not a line of a tree of routes: «${line}»`);
    }
    const [, indent = '', part = '', methods] = read;
    const depth = indent.length / 4;
    const parent = depth === 0 ? '' : (paths[depth - 1] ?? '');
    paths[depth] = parent + part;
    const path = (paths[depth] ?? '').replaceAll(/:(\w+)/g, '{$1}');
    return methods === undefined ? [] : methods.split(', ').map((method) => `${method} ${path}`);
  });
};
