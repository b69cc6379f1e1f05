import { writeSync } from 'node:fs';
import type {
  Reporter,
  SerializedError,
  TestCase,
  TestModule,
  TestSuite,
  Vitest,
} from 'vitest/node';
import { onParentGone } from '../../server/src/platform/parent-watch.ts';
import { howToGet, needs } from './stack-parts.ts';

/**
 * Ends the run's output with the line `N passed, N failed, N skipped`. A file that does not load,
 * a failing hook and an error outside of any test count as one failure each. Before that line it
 * lists what this machine could not run, and how to make it possible.
 */
export default class LastLine implements Reporter {
  #passed = 0;
  #failed = 0;
  #skipped: string[] = [];
  /** `-t` skips almost all tests: do not list them. */
  #byTitle = false;

  onInit(vitest: Vitest): void {
    this.#byTitle = vitest.config.testNamePattern !== undefined;
    onParentGone(() => process.exit(1));
    // bin/launch.mjs prints the line if this process cannot.
    process.send?.('the last line is mine');
    process.once('exit', (code) => this.#print(code));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    this.#failed = errors.length;
    this.#passed = 0;
    this.#skipped = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) this.#count(test);
      for (const suite of [module, ...module.children.allSuites()]) this.#countErrors(suite);
    }
  }

  #count(test: TestCase): void {
    const { state } = test.result();
    if (state === 'passed') this.#passed += 1;
    else if (state === 'skipped') this.#skipped.push(test.fullName);
    else this.#failed += 1;
  }

  #countErrors(suite: TestModule | TestSuite): void {
    this.#failed += suite.errors().length;
  }

  #print(code: number): void {
    const failed = Math.max(this.#failed, code === 0 ? 0 : 1);
    const lines = [...this.#unmet(), ''];
    lines.push(`${this.#passed} passed, ${failed} failed, ${this.#skipped.length} skipped`);
    writeSync(1, `${lines.join('\n')}\n`);
    process.exitCode = code === 0 && failed > 0 ? 1 : code;
  }

  #unmet(): string[] {
    if (this.#byTitle) return [];
    const byPart = Map.groupBy(this.#skipped, (name) => needs.exec(name)?.[1] ?? '');
    return [...byPart].flatMap(([part, names]) => [
      '',
      part ? `Not run, as they need ${part} (${howToGet(part)}):` : 'Skipped:',
      ...names.map((name) => `  - ${name}`),
    ]);
  }
}
