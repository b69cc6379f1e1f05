/**
 * Mails in one job: in a rush a mail takes 0.3 s, and jobs that are due wait for a runner, of which
 * there are two. Closing waits for them, too.
 */
export const mailsPerJob = 5;

/** Of the jobs of mails about sales that open; those of orders have 0, which is earlier. */
export const openingPriority = 10;

/** Mails with a lost job that one run resumes. */
export const resumedMax = 1000;

/** Pauses grow as e^n seconds up to 6 hours: 20 attempts cover two and a half days. */
export const triesMax = 20;

/** An SMTP server takes about 50 ms for a mail; 4 connections send 80 a second. */
export const smtpConnections = 4;
export const smtpConnectTimeoutMs = 5000;
export const smtpSilenceTimeoutMs = 20_000;

/**
 * Buyers have priority over mails. Reading the facts of a mail and sending it takes
 * 1.8 ms of the serving thread; while that thread is busy for more than this share of its time, at
 * most 10 mails a second are composed, so that they take 2 % of it.
 */
export const busyShare = 0.5;
export const busyRestMs = 100;

/** The newest mails that a list shows. */
export const listedMax = 100;

/** Pages that stop mails, for each address. */
export const pageRate = { perMinute: 60, burst: 20 };
