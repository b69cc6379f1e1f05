// Beside the roles: draw.ts, the order in which the lobby is called.
// Beside the roles: tokens.ts, the signed proofs of a place and of a pass.
export { termsOf } from './config.ts';
export { openWaitingRoom, type WaitingRoomDoor } from './module.ts';
export type { WaitingRoom } from './service.ts';
export { makeMemoryRooms } from './store.memory.ts';
export { makeRoomJournal, makeRoomRows } from './store.postgres.ts';
export { openRedisRooms } from './store.redis.ts';
export type { RoomStore } from './store.ts';
