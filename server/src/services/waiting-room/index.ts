export { termsOf, type WaitingRoomSettings } from './config.ts';
export { type OpenWaitingRoom, openWaitingRoom } from './module.ts';
export type { WaitingRoom } from './service.ts';
export { openMemoryRooms } from './store.memory.ts';
export { makeRoomJournal, makeRoomRows } from './store.postgres.ts';
export { openRedisRooms } from './store.redis.ts';
export type { RoomStore } from './store.ts';
