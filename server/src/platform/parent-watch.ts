/**
 * Calls back when the launcher that started this process is gone, killed or not (bin/launch.mjs
 * holds the other end of an IPC channel, which the kernel closes). Never without a launcher. It
 * does not keep the process alive.
 */
export const onParentGone = (callback: () => void): void => {
  if (process.connected === undefined) return;
  if (!process.connected) queueMicrotask(callback);
  process.once('disconnect', callback);
  process.channel?.unref();
};
