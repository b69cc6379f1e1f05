import { type Breach, isScript, isTest, lineAt, type SourceFile } from './source.ts';

const serviceFile = /^server\/src\/services\/([^/]+)\/(.+)$/;

/** What a service folder may contain; docs/STYLE.md says what each file is for. */
const roles = [
  /^(?:index|service|store|routes|events|jobs|config|limits|cache|live|view|render|module)\.ts$/,
  /^service\.[a-z]+\.ts$/,
  /^provider(?:\.[a-z]+)?\.ts$/,
  /^store\.(?:memory|redis|postgres|contract)\.ts$/,
  /^lua\/[a-z0-9-]+\.lua$/,
  /^sql\/[a-z0-9-]+\.sql$/,
  /^[a-z0-9.-]+\.test\.ts$/,
];

/**
 * A file with another name must be named after a business term, and the service's index.ts must say
 * what it is: `// Beside the roles: draw.ts, the lobby's order.`
 */
const besideTheRoles = /^\/\/ Beside the roles: ([a-z0-9-]+\.ts), \S/gm;

export const fileRoles = (files: readonly SourceFile[]): Breach[] => {
  const introduced = new Set(
    files
      .filter(({ path }) => path.endsWith('/index.ts'))
      .flatMap(({ path, text }) =>
        [...text.matchAll(besideTheRoles)].map(([, file]) =>
          path.replace(/index\.ts$/, file ?? ''),
        ),
      ),
  );
  return files.flatMap(({ path }) => {
    const file = serviceFile.exec(path)?.[2];
    if (file === undefined || introduced.has(path)) return [];
    if (roles.some((role) => role.test(file))) return [];
    return [
      {
        rule: 'fileRoles',
        path,
        line: 1,
        says: `\`${file}\` is not a role of docs/STYLE.md, and index.ts does not say what it is`,
      },
    ];
  });
};

/**
 * Each schema belongs to one service (`waiting-room` owns `waiting_room`), or to the platform.
 * Other services may call functions whose file calls them doors: so two services can share a
 * transaction without sharing a table.
 */
export const tableOwners = (files: readonly SourceFile[]): Breach[] => {
  const schemas = new Set(['platform']);
  for (const { path } of files) {
    const service = serviceFile.exec(path)?.[1];
    if (service !== undefined) schemas.add(schemaOf(service));
  }
  const tables = createdIn(files);
  const doors = createdIn(files.filter(isDoor));
  for (const table of tables) schemas.add(table.split('.')[0] ?? '');

  return files.flatMap((file) => {
    const service = serviceFile.exec(file.path)?.[1];
    const isPlatform = file.path.startsWith('server/src/platform/');
    if (service === undefined && !isPlatform) return [];
    const own = service === undefined ? 'platform' : schemaOf(service);
    return statementsOf(file).flatMap(({ text, line }) =>
      namesIn(text, schemas, tables)
        .filter(({ name }) => !name.startsWith(`${own}.`) && !doors.has(name))
        .map(({ name, offset }) => ({
          rule: 'tableOwners',
          path: file.path,
          line: line + lineAt(text, offset) - 1,
          says: `${name} belongs to ${name.split('.')[0]} and is not a door`,
        })),
    );
  });
};

/** `-- The doors through which payments …`: the comment that begins the file says so. */
const isDoor = ({ path, text }: SourceFile): boolean =>
  path.endsWith('.sql') && /^(?:--[^\n]*\n)*?--[^\n]*\bdoors?\b/.test(text);

const schemaOf = (service: string): string => service.replaceAll('-', '_');

const relationKinds = [
  'table',
  'view',
  'materialized\\s+view',
  'sequence',
  'function',
  'procedure',
];

const createdIn = (files: readonly SourceFile[]): Set<string> => {
  const creating = new RegExp(
    `\\bcreate\\s+(?:or\\s+replace\\s+|unlogged\\s+)?(?:${relationKinds.join('|')})\\s+` +
      '(?:if\\s+not\\s+exists\\s+)?([a-z_]+\\.[a-z_]\\w*)',
    'gi',
  );
  return new Set(
    files
      .filter(({ path }) => path.endsWith('.sql'))
      .flatMap(({ code }) => [...code.matchAll(creating)].map((match) => match[1] ?? ''))
      .map((name) => name.toLowerCase()),
  );
};

const looksLikeSql = new RegExp(
  [
    /\b(?:from|join)\s+\w+\.\w+/,
    /\binsert\s+into\b/,
    /\bupdate\s+\S+\s+(?:as\s+\w+\s+)?set\b/,
    /\bdelete\s+from\b/,
    /\bselect\s+\w+\.\w+\s*\(/,
    /\b(?:truncate|lock\s+table|create\s+\w+|alter\s+\w+|drop\s+\w+)\s/,
  ]
    .map((pattern) => pattern.source)
    .join('|'),
  'i',
);

const statementsOf = (file: SourceFile): { text: string; line: number }[] => {
  if (file.path.endsWith('.sql')) return [{ text: file.code, line: 1 }];
  // A test may check the result of its action in any table.
  if (!isScript(file.path) || isTest(file.path)) return [];
  return file.literals
    .filter(({ text }) => looksLikeSql.test(text))
    .map(({ text, line }) => ({ text: text.replace(/'(?:[^']|'')*'/g, blanks), line }));
};

const blanks = (text: string): string => text.replace(/[^\n]/g, ' ');

/**
 * Known tables and functions anywhere, and any name after FROM, JOIN, INTO … in one of our schemas.
 * `orders.id` of an alias is neither.
 */
const namesIn = (
  text: string,
  schemas: ReadonlySet<string>,
  tables: ReadonlySet<string>,
): { name: string; offset: number }[] => {
  const found = new Map<number, string>();
  for (const match of text.matchAll(/\b([a-z_]+)\.([a-z_]\w*)/gi)) {
    const name = match[0].toLowerCase();
    const before = text.slice(Math.max(0, match.index - 40), match.index);
    const isRelation = /\b(?:from|join|into|update|table|using|references|only)\s+$/i.test(before);
    const isCompared = /\bdistinct\s+from\s+$/i.test(before);
    const isOurs = schemas.has((match[1] ?? '').toLowerCase());
    if (tables.has(name) || (isRelation && !isCompared && isOurs)) found.set(match.index, name);
  }
  return [...found].map(([offset, name]) => ({ name, offset }));
};
