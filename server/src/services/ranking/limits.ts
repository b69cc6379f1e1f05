/** At most 5 s behind the sales (product.md): the relay takes up to 0.5 s of them. */
export const readEveryMs = 3000;
/** The longest list that can be asked for (contract: limit). */
export const listedMax = 50;
/** The time zone of the start that a ranking shows; each venue counts in its own zone. */
export const siteTimeZone = 'Asia/Seoul';
