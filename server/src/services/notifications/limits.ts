/** Mails in one job: one commit for many, and few enough that closing waits for few. */
export const mailsPerJob = 20;

/** Mails that one run takes up again whose job was lost. */
export const resumedMax = 1000;

/** Pauses grow as e^n seconds up to 6 hours: 20 tries reach over two and a half days. */
export const triesMax = 20;

/** An SMTP server takes about 50 ms for a mail; 4 connections carry 80 a second. */
export const smtpConnections = 4;
export const smtpConnectTimeoutMs = 5000;
export const smtpSilenceTimeoutMs = 20_000;

/** Composing rests as long as it took, up to this. */
export const composeRestMaxMs = 200;
/**
 * Buyers come before mails: while more than this share of the thread's time goes to others,
 * composing rests on, up to 2 s. A PDF takes 10 ms, so that a rush gives mails half a hundredth.
 */
export const busyShare = 0.5;
export const busyRestMs = 200;
export const busyRestMaxMs = 2000;

/** The newest mails that a list shows. */
export const listedMax = 100;
