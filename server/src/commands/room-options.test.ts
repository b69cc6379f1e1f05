import { levers } from '@usher/domain/room/phases.ts';
import { describe, expect, test } from 'vitest';
import { help, parseRoomWords } from './room-options.ts';

const show = 'show_01jd8zk3v7q2m4x6t9w1y5b0ce';
const optionsOf = (...argv: string[]) => {
  const words = parseRoomWords(argv);
  if (words.outcome !== 'run') throw new Error(JSON.stringify(words));
  return words.options;
};
const faultsOf = (...argv: string[]): string[] => {
  const words = parseRoomWords(argv);
  return words.outcome === 'refused' ? words.faults : [];
};

describe('the arguments of usher room', () => {
  test('can pull every lever of the contract, and no other', () => {
    const named: Record<string, { more: string[]; wanted: object }> = {
      bypass: { more: ['--minutes', '15'], wanted: { minutes: 15 } },
      limits: {
        more: ['--rate', '300', '--stay', '2.5'],
        wanted: { ratePerMinute: 300, meanStayMinutes: 2.5 },
      },
      message: {
        more: ['--ko', '잠시 멈춥니다', '--en', 'A short pause'],
        wanted: { message: { ko: '잠시 멈춥니다', en: 'A short pause' } },
      },
      poll: { more: ['--times', '2'], wanted: { multiplier: 2 } },
    };
    for (const name of levers) {
      const { more, wanted } = named[name] ?? { more: [], wanted: {} };
      expect(optionsOf(name, show, ...more).deed).toEqual({
        verb: 'pull',
        showId: show,
        lever: { lever: name, ...wanted },
      });
    }
    expect(faultsOf('explode', show)).toHaveLength(1);
    expect(faultsOf('toString', show)).toHaveLength(1);
  });

  test('are all listed in the help, which fits on a screen', () => {
    for (const lever of levers) expect(help).toMatch(new RegExp(`room (?:\\S+ \\| )?${lever}\\b`));
    const lines = help.split('\n');
    expect(lines.length).toBeLessThanOrEqual(40);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    for (const asked of [[], ['--help'], ['help'], ['pause', '--help'], ['pause', show, '-h']])
      expect(parseRoomWords(asked)).toEqual({ outcome: 'help' });
  });

  test('can clear a message, and refuse an empty one', () => {
    expect(optionsOf('message', show, '--clear').deed).toMatchObject({ lever: { message: null } });
    expect(faultsOf('message', show, '--ko', '', '--en', 'x')).toEqual(['--ko is empty']);
    for (const half of [[], ['--ko', '가'], ['--clear', '--en', 'x']])
      expect(faultsOf('message', show, ...half)).toEqual([
        'room message needs --ko TEXT and --en TEXT, or --clear',
      ]);
  });

  test('change only the settings that were given', () => {
    expect(optionsOf('put', show, '--rate', '60').deed).toEqual({
      verb: 'put',
      showId: show,
      settings: { ratePerMinute: 60 },
    });
    expect(
      optionsOf(
        'put',
        show,
        '--opens-at',
        '2026-12-24T19:30+09:00',
        '--lobby-minutes',
        '0',
        '--active',
        '5',
        '--when-crowded',
        'refuse',
        '--challenge-cost',
        '100000',
      ).deed,
    ).toMatchObject({
      settings: {
        opensAt: '2026-12-24T10:30:00.000Z',
        lobbyMinutes: 0,
        activeMax: 5,
        whenCrowded: 'refuse',
        challengeCost: 100_000,
      },
    });
  });

  test('must state the time zone, which is never guessed', () => {
    for (const at of ['2026-12-24T19:30', 'tomorrow', '2026-13-24T19:30Z', '1'])
      expect(faultsOf('put', show, '--opens-at', at)).toEqual([
        '--opens-at must be a time with its zone, such as 2026-12-24T19:30+09:00',
      ]);
  });

  test('are checked against the contract’s bounds, and the fault names the option', () => {
    expect(faultsOf('bypass', show)).toEqual(['--minutes must be a number']);
    expect(faultsOf('bypass', show, '--minutes', '241')).toEqual(['--minutes must be at most 240']);
    expect(faultsOf('bypass', show, '--minutes', '1.5')).toEqual([
      '--minutes must be a whole number',
    ]);
    expect(faultsOf('poll', show, '--times=-1')).toEqual(['--times must be a number']);
    expect(faultsOf('limits', show)).toEqual(['room limits needs --rate, --active or --stay']);
    expect(faultsOf('limits', show, '--active', '0')).toEqual(['--active must be 1 or more']);
    expect(faultsOf('put', show, '--when-crowded', 'maybe')).toEqual([
      '--when-crowded must be warn or refuse',
    ]);
  });

  test('with several faults are refused with all faults at once', () => {
    const faults = faultsOf(
      'pause',
      'the-musical',
      '--minutes',
      '3',
      '--url',
      'localhost',
      '--if-rev',
      'x',
      '--email',
      'o@example.com',
      '--reason',
      'a'.repeat(501),
    );
    expect(faults).toHaveLength(6);
    expect(faultsOf('list', show)).toHaveLength(1);
    expect(faultsOf('show', show, show)).toHaveLength(1);
    expect(() => parseRoomWords(['pause', show, '--password', 'x'])).toThrow();
  });

  test('give the server, the account, the reason and the room', () => {
    expect(
      optionsOf(
        'resume',
        show,
        '--url',
        'https://tickets.example.com/',
        '--email',
        'o@example.com',
        '--password-stdin',
        '--if-rev',
        '12',
        '--reason',
        '다시 열기',
        '--json',
      ),
    ).toMatchObject({
      url: 'https://tickets.example.com',
      email: 'o@example.com',
      ifRev: 12,
      reason: '다시 열기',
      isJson: true,
    });
    expect(optionsOf('list')).toMatchObject({
      url: 'http://127.0.0.1:3000',
      email: null,
      ifRev: null,
      reason: null,
      isJson: false,
    });
  });
});
