import { healthz, readyz } from '@usher/contract/operations.ts';
import { readOrder } from '@usher/contract/orders.ts';
import { confirmPayment } from '@usher/contract/payments.ts';
import { watchSeats } from '@usher/contract/seats.ts';
import { expect, test } from 'vitest';
import { freshKey, headersOf, jsonOf, pathOf } from '../support/ask.ts';
import { watch } from '../support/event-stream.ts';
import { openProgram } from '../support/program.ts';
import { openRaw, replyIn, requestText, said } from '../support/raw-http.ts';
import { openTcpProxy, throughPort } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** A separate program with a payment in progress, which waits until `goOn` is called. */
const openWithPayment = async () => {
  let goOn = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let isOnItsWay = false;
  const program = await openProgram({
    failPoint: async (point) => {
      if (point !== 'after-sent-before-call') return;
      isOnItsWay = true;
      await opened;
    },
  });
  const { performanceId } = await program.newSale(program.organiser);
  const { token: as } = await program.newBuyer();
  const { order, checkout } = await program.order(as, performanceId, [0]);
  const { attemptId, amount } = checkout;
  const paymentKey = await program.sandbox.authenticate(attemptId, amount.amount);
  const body = { paymentKey, amount: amount.amount };
  const given = { as, params: { attemptId }, body, key: freshKey() };
  return { program, performanceId, as, order, given, goOn, isOnItsWay: () => isOnItsWay };
};
const isTakingConnections = async (origin: string): Promise<boolean> => {
  try {
    await said(await openRaw(origin), requestText('GET /healthz'));
    return true;
  } catch {
    // Refused: the server no longer listens.
    return false;
  }
};
const textOf = (spec: typeof confirmPayment, given: Parameters<typeof headersOf>[1]): string => {
  const body = JSON.stringify(given.body);
  const length = { 'content-length': Buffer.byteLength(body) };
  const headers = { ...headersOf(spec, given), ...length, connection: 'keep-alive' };
  return requestText(`POST ${pathOf(spec, given)}`, headers, body);
};

test('shutdown finishes requests in progress and waits for nothing else', async () => {
  const { program, performanceId, order, given, goOn, isOnItsWay } = await openWithPayment();
  const origin = await program.listen();
  const viewer = await watch(`${origin}${pathOf(watchSeats, { params: { performanceId } })}`);
  const unused = await openRaw(origin);
  // A client that would keep its connection for its next request.
  const confirmed = said(await openRaw(origin), textOf(confirmPayment, given));
  await until('the payment is on its way', isOnItsWay);

  const closed = program.close();
  await until('the viewer was disconnected', viewer.hasEnded);
  await until('new connections are refused', async () => !(await isTakingConnections(origin)));
  goOn();
  const reply = replyIn(await confirmed);
  expect([reply.status, jsonOf(reply)]).toEqual([200, { orderId: order.id, orderState: 'PAID' }]);
  expect(reply.headers['connection']).toBe('close');
  await closed;
  unused.destroy();
});

test('during shutdown a new request on a busy connection gets Connection: close', async () => {
  const { program, given, goOn, isOnItsWay } = await openWithPayment();
  const readiness = requestText('GET /readyz', { connection: 'keep-alive' });
  const origin = await program.listen();
  const socket = await openRaw(origin);
  const heard = said(socket, textOf(confirmPayment, given));
  await until('the payment is on its way', isOnItsWay);
  const closed = program.close();
  socket.write(readiness);
  // The server reads what we write later on another connection after the request above.
  await until('new connections are refused', async () => !(await isTakingConnections(origin)));
  goOn();
  const [, asked = ''] = (await heard).split(/(?=HTTP\/1\.1 )/);
  const reply = replyIn(asked);
  expect([reply.status, jsonOf(reply)]).toEqual([503, { ready: false, missing: ['closing'] }]);
  expect(reply.headers['connection']).toBe('close');
  await closed;
});

test('a payment that outlasts the shutdown is completed by the next program', async () => {
  const { program, order, as, given, goOn, isOnItsWay } = await openWithPayment();
  const { ask } = await program.overHttp();
  const confirmed = ask(confirmPayment, given);
  await until('the payment is on its way', isOnItsWay);
  const closed = program.close();
  // The buyer is answered that the outcome is unknown; only then is the provider called.
  expect((await confirmed).status).toBe(202);
  goOn();
  await closed;
  const { databaseUrl, sandbox } = program;
  const next = await openProgram({ databaseUrl, sandbox });
  await until('the order is paid', async () => {
    const { state } = await next.must(readOrder, { as, params: { orderId: order.id } });
    return state === 'PAID';
  });
  expect((await sandbox.money()).get(given.params.attemptId)).toBe(given.body.amount);
  await next.close();
});

test('a program is alive but not ready while its database is unreachable', async () => {
  const first = await openProgram();
  const proxy = await openTcpProxy(Number(new URL(first.databaseUrl).port));
  const { ask, close } = await openProgram({
    databaseUrl: throughPort(first.databaseUrl, proxy.port),
    sandbox: first.sandbox,
  });
  expect((await ask(readyz)).status).toBe(200);
  proxy.cut();
  const cut = await ask(readyz);
  expect([cut.status, jsonOf(cut)]).toEqual([503, { ready: false, missing: ['database'] }]);
  expect(Number(cut.headers['retry-after'])).toBeGreaterThan(0);
  expect((await ask(healthz)).status).toBe(200);
  proxy.repair();
  await until('it is ready again', async () => (await ask(readyz)).status === 200);
  await close();
});
