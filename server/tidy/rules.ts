import { bannedCode, forbiddenText, swallowedErrors } from './bans.ts';
import { plainEnglish } from './english.ts';
import { cycles, layering } from './layers.ts';
import { luaContracts } from './lua.ts';
import { problemPages, registryHosts } from './repository.ts';
import { fileRoles, tableOwners } from './services.ts';
import { columns, fileLength, foldedLiterals, functionLength } from './shape.ts';
import type { Rule } from './source.ts';
import { sqlFunctions } from './sql.ts';
import { threadFunctions } from './threads.ts';

export const rules = {
  layering,
  cycles,
  bannedCode,
  forbiddenText,
  plainEnglish,
  swallowedErrors,
  columns,
  foldedLiterals,
  fileRoles,
  tableOwners,
  sqlFunctions,
  luaContracts,
  problemPages,
  registryHosts,
  threadFunctions,
} satisfies Record<string, Rule>;

/** Printed as worth a second look; they fail nothing. */
export const figures = { functionLength, fileLength } satisfies Record<string, Rule>;
