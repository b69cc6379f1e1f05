/** The problems of the waiting room; part of the catalogue in problems.ts. */
export const roomProblems = {
  PASS_REQUIRED: {
    status: 403,
    title: 'This sale has a waiting room',
    retryable: false,
    meaning: 'The show has a waiting room and the request carried no pass. Nothing was changed.',
    remedy:
      'Join the waiting room. When it is your turn, send the pass in the header `usher-pass`.',
  },
  PASS_ENDED: {
    status: 403,
    title: 'The pass is no longer valid',
    retryable: false,
    meaning:
      'It expired, was given back or was revoked, or it is not yours; or you missed two calls. An order that is being paid continues.',
    remedy: 'Join the waiting room again.',
  },
  ROOM_NOT_OPEN: {
    status: 403,
    title: 'The waiting room is not open yet',
    retryable: true,
    meaning: 'You can join from `lobbyAt`. Joining early does not improve your place.',
    remedy: 'Wait until `lobbyAt`; `retryAfterMs` says how long that is.',
  },
  ROOM_CLOSED: {
    status: 403,
    title: 'The waiting room is closed to new arrivals',
    retryable: false,
    meaning:
      'The operator is draining the room or has closed it. People already in line keep their places.',
    remedy: 'Choose another show, or come back when the organiser announces it.',
  },
  TOO_MANY_WAITING: {
    status: 409,
    title: 'Too many people are waiting for the seats left',
    retryable: true,
    meaning:
      '`waiting` people are waiting for `left` seats, more than two for each seat. Nothing was changed.',
    remedy: 'Try again later: seats come back when others give up.',
  },
  ADDRESS_PLACES_TAKEN: {
    status: 403,
    title: 'Your network has all the places it can have in this waiting room',
    retryable: false,
    meaning:
      'So many places were taken from your IP address that it gets no new one. People who have a place keep it, at any address.',
    remedy: 'Join from another network, for example with mobile data instead of Wi-Fi.',
  },
  NO_PLACE: {
    status: 404,
    title: 'You have no place in this waiting room',
    retryable: false,
    meaning: 'You never joined, gave your place back, or have already bought.',
    remedy: 'Join the waiting room.',
  },
  PLACE_TOKEN_REFUSED: {
    status: 403,
    title: 'This place token is not yours or not for this room',
    retryable: false,
    meaning: 'It is forged, belongs to another account or show, or its place was given back.',
    remedy: 'Read your place again; that needs no token.',
  },
  NOT_CALLED_YET: {
    status: 409,
    title: 'It is not your turn yet',
    retryable: true,
    meaning: 'Your number is behind the front; `ahead` people go first. Your place is kept.',
    remedy: 'Keep polling the room; claim your pass when the front reaches your number.',
  },
  CHALLENGE_REQUIRED: {
    status: 403,
    title: 'Solve the challenge first',
    retryable: false,
    meaning: 'Joining takes a little computing, so that one person cannot join thousands of times.',
    remedy:
      'Solve the challenge of the room, or `challenge` of this response, and repeat with its `solution`.',
  },
  CHALLENGE_FAILED: {
    status: 403,
    title: 'The solution to the challenge was not accepted',
    retryable: false,
    meaning: 'It is wrong, expired, for another account or room, or was already used.',
    remedy: 'Request a new challenge and solve that one.',
  },
  STREAM_NOT_OFFERED: {
    status: 409,
    title: 'This room is too large to be streamed',
    retryable: true,
    meaning: 'Streams are only for small rooms and for people near the front.',
    remedy: 'Poll the room’s document at the interval given in its `poll`.',
  },
  ROOM_CHANGED_MEANWHILE: {
    status: 409,
    title: 'The room has changed since you looked',
    retryable: false,
    meaning:
      'Another operator changed it, or a new phase began. `rev` is the current revision. Nothing was changed.',
    remedy: 'Read the room again, then decide again.',
  },
  LEVER_REFUSED: {
    status: 409,
    title: 'The room cannot do that now',
    retryable: false,
    meaning: '`detail` says which phase the room is in and why the lever does not apply.',
    remedy: 'Read the room again.',
  },
} as const;
