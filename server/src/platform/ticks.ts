import { createHook } from 'node:async_hooks';

const kept: object[] = [];

/**
 * Keeps `process.nextTick` fast; called once, at the start of a process that answers requests.
 * For every tick Node creates an object, and V8 knows from its shape how to create the next one.
 * The shape is forgotten by a full garbage collection that finds no such object alive, as happens
 * in an idle moment; from then on each is created the slow way: 0.7 µs instead of 0.1, several
 * times a request, a fifth of the CPU of a poll (docs/performance.md). One object that is kept
 * prevents it.
 */
export const keepTicksQuick = (): void => {
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'TickObject') kept.push(resource);
    },
  }).enable();
  process.nextTick(() => {});
  hook.disable();
};
