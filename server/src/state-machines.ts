import { attemptMachine, holdMachine, orderMachine } from '@usher/domain/order-states.ts';
import type { StateMachine } from './platform/postgres/moves.ts';

/**
 * The machines of domain/src/order-states.ts and the tables whose rows obey them. `migrate` gives
 * them to the database, which refuses every other move.
 */
export const stateMachines: readonly StateMachine[] = [
  { name: 'hold', table: 'seats.holds', idColumn: 'id', ...holdMachine },
  { name: 'order', table: 'orders.orders', idColumn: 'id', ...orderMachine },
  { name: 'attempt', table: 'payments.attempts', idColumn: 'id', ...attemptMachine },
];
