import { type ProblemCode, problems } from '@usher/contract/problems.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import { problemsOf } from './openapi.ts';

/** The page of a problem code, as Markdown: what it means and what to do; from the catalogue. */
export const problemPage = (code: ProblemCode, routes: readonly RouteSpec[]): string => {
  const entry = problems[code];
  const answering = routes.filter((spec) => problemsOf(spec).includes(code));
  const everywhere = answering.length === routes.length;
  const list = everywhere
    ? ['Every route.']
    : answering.map((spec) => `- \`${spec.method} ${spec.path}\` (${spec.name})`);
  return [
    `# ${code}`,
    '',
    `**${entry.title}** · HTTP ${entry.status} · ${
      entry.retryable ? 'the same request may succeed later' : 'repeating it changes nothing'
    }`,
    '',
    '## What happened',
    '',
    entry.meaning,
    '',
    '## What to do',
    '',
    entry.remedy,
    '',
    '## Where it comes from',
    '',
    ...(answering.length === 0 ? ['The HTTP edge, before a route is reached.'] : list),
    '',
  ].join('\n');
};
