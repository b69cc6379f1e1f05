/** Mails in one job: many share one commit, but few enough that closing does not wait long. */
export const mailsPerJob = 20;

/** Mails with a lost job that one run resumes. */
export const resumedMax = 1000;

/** Pauses grow as e^n seconds up to 6 hours: 20 attempts cover two and a half days. */
export const triesMax = 20;

/** An SMTP server takes about 50 ms for a mail; 4 connections send 80 a second. */
export const smtpConnections = 4;
export const smtpConnectTimeoutMs = 5000;
export const smtpSilenceTimeoutMs = 20_000;

/** After composing a mail, the job rests for as long as composing took, up to this. */
export const composeRestMaxMs = 200;
/**
 * Buyers have priority over mails: while other work uses more than this share of the thread's time,
 * composing keeps resting, up to 2 s. A PDF takes 10 ms, so during a rush mails get 0.5 % of the
 * thread.
 */
export const busyShare = 0.5;
export const busyRestMs = 200;
export const busyRestMaxMs = 2000;

/** The newest mails that a list shows. */
export const listedMax = 100;
