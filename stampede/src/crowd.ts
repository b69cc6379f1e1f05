import type { Random } from '@usher/domain/random.ts';
import type { Caller, Session } from './caller.ts';
import type { Clock } from './clock.ts';
import type { HttpClient } from './http.ts';
import type { Notes } from './notes.ts';
import type { Provider } from './provider.ts';
import type { SeatChoice } from './seat-choice.ts';
import type { RoomTemper, Temper } from './temper.ts';
import type { Visit } from './visit.ts';
import type { Wakes } from './wakes.ts';

/** The sale that everybody came for. */
export type Sale = {
  showId: string;
  performanceId: string;
  seatCount: number;
  grades: readonly string[];
  choice: SeatChoice;
};

/** The waiting room before the sale. */
export type Room = {
  /** When the draw is made and the sale opens, on the monotonic clock. */
  opensAtMs: number;
  /** How long a call waits for its claim. */
  claimWindowMs: number;
  /**
   * By how much the server's clock is ahead of ours, according to the fastest response so far;
   * never more than it really is.
   */
  aheadMs: number;
};

/** What all people of a run share. */
export type Crowd = {
  caller: Caller;
  http: HttpClient;
  clock: Clock;
  wakes: Wakes;
  notes: Notes;
  sale: Sale;
  /** null: there is none, everybody goes straight to the seats. */
  room: Room | null;
  /** How many may look for seats at the same time. */
  shoppersMax: number;
  /** 1 is the speed of real people, 0.1 ten times as fast. */
  pace: number;
  patienceMs: number;
  signal: AbortSignal;
  provider: Provider;
};

/** `paid`, or why a person went home without a ticket. */
export type End =
  | 'paid'
  | 'sold out'
  | 'gave up waiting'
  | 'closed the phone'
  | 'turned away at the door'
  | 'the pass ended'
  | 'nothing came back in time'
  | 'lost too many races'
  | 'released the seats'
  | 'walked away from the seats'
  | 'left the payment window'
  | 'seats lapsed before the payment'
  | 'payment not known yet'
  | 'no answer from the server'
  | 'refused otherwise'
  | 'stopped';

export type OrderRecord = {
  orderId: string;
  totalMinor: number;
  attemptIds: string[];
  /** The payment outcome that the buyer received; `open`: neither yes nor no. */
  told: 'paid' | 'no' | 'open';
  /** Read after the payment. */
  tickets: { id: string; seatNo: number }[];
};

export type Buyer = {
  index: number;
  session: Session;
  /** The same account on another device. */
  elsewhere: () => Promise<Session>;
  random: Random;
  temper: Temper;
  roomTemper: RoomTemper;
  /** When this person arrives, in ms from the opening. */
  comesMs: number;
  visit: Visit;
  doing: 'coming' | 'waiting' | 'looking' | 'holding' | 'paying' | 'gone';
  end: End | null;
  orders: OrderRecord[];
  /** Until when seats that this buyer silently left stay held, on the wall clock. */
  leftHeldUntilMs: number | null;
};
