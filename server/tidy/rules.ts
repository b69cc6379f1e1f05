import { bannedCode, forbiddenText, swallowedErrors } from './bans.ts';
import { cycles, layering } from './layers.ts';
import { luaContracts } from './lua.ts';
import { problemPages, registryHosts } from './repository.ts';
import { fileRoles, tableOwners } from './services.ts';
import { columns, fileLength, functionLength } from './shape.ts';
import type { Rule } from './source.ts';

export const rules = {
  layering,
  cycles,
  bannedCode,
  forbiddenText,
  swallowedErrors,
  columns,
  functionLength,
  fileLength,
  fileRoles,
  tableOwners,
  luaContracts,
  problemPages,
  registryHosts,
} satisfies Record<string, Rule>;
