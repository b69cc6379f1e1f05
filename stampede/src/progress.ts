import { type Clock, repeat } from './clock.ts';

/** One line of progress; `note` follows the numbers. */
export type Bar = { label: string; done: number; total: number; note: string };

export type Progress = {
  say(line: string): void;
  /** Shows these bars until `end`, which shows them a last time. */
  begin(bars: () => Bar[]): { end(): Promise<void> };
};

const barWidth = 28;
const labelWidth = 12;
const noteMax = 60;
/** How often live bars are redrawn; a log needs only a line now and then. */
const drawEveryMs = 150;
const logEveryMs = 5000;
const eraseLine = '\u001b[2K';

export const renderBar = ({ label, done, total, note }: Bar): string => {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(share * barWidth);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const numbers = `${done}/${total}`.padStart(2 * String(total).length + 1);
  return `  ${label.padEnd(labelWidth)} ${bar} ${numbers}  ${note.slice(0, noteMax)}`.trimEnd();
};

/** Bars that move on a terminal, lines in a log. */
export const makeProgress = (options: {
  clock: Clock;
  isTerminal: boolean;
  print: (text: string) => void;
}): Progress => {
  const { clock, isTerminal, print } = options;
  const draw = (bars: readonly Bar[], isFirst: boolean): void => {
    const back = isFirst || !isTerminal ? '' : `\u001b[${bars.length}A`;
    const erase = isTerminal ? eraseLine : '';
    print(back + bars.map((bar) => `${erase}${renderBar(bar)}\n`).join(''));
  };
  return {
    say: (line) => print(`${line}\n`),
    begin: (bars) => {
      let isFirst = true;
      const show = async (): Promise<void> => {
        draw(bars(), isFirst);
        isFirst = false;
      };
      const everyMs = isTerminal ? drawEveryMs : logEveryMs;
      const loop = repeat({
        clock,
        everyMs,
        run: show,
        onError: (error) => print(`${error}\n`),
      });
      return {
        end: async () => {
          await loop.stop();
          await show();
        },
      };
    },
  };
};
