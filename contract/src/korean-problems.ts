import type { ProblemCode } from './problems.ts';

/** What a problem says to people, in one language. */
export type ProblemWords = {
  readonly title: string;
  readonly meaning: string;
  readonly remedy: string;
};

/** The catalogue of problems in Korean; problems.ts has it in English. */
export const koreanProblems: Readonly<Record<ProblemCode, ProblemWords>> = {
  VALIDATION_FAILED: {
    title: '요청이 API 형식에 맞지 않습니다',
    meaning: '빠졌거나 알 수 없거나 범위를 벗어난 항목이 있습니다. 바뀐 것은 없습니다.',
    remedy: '`errors`에 어느 항목을 어떻게 고쳐야 하는지 있습니다.',
  },
  MALFORMED_REQUEST: {
    title: '요청을 읽을 수 없습니다',
    meaning: '본문이 올바른 JSON이 아니거나 Content-Type 또는 Content-Length가 잘못되었습니다.',
    remedy: '`Content-Type: application/json`과 올바른 본문을 보내 주세요.',
  },
  IDEMPOTENCY_KEY_MISSING: {
    title: '이 요청에는 Idempotency-Key가 필요합니다',
    meaning: '좌석이나 돈이 걸린 요청이므로 다시 보낸 것인지 알 수 있어야 합니다.',
    remedy: '16~255자의 새 무작위 `Idempotency-Key`를 보내고, 다시 보낼 때는 같은 값을 쓰세요.',
  },
  UNAUTHENTICATED: {
    title: '먼저 로그인해 주세요',
    meaning: '액세스 토큰이 없거나 만료되었거나 올바르지 않거나, 로그아웃된 세션의 것입니다.',
    remedy: '토큰을 갱신하거나 다시 로그인한 뒤 요청을 다시 보내 주세요.',
  },
  CREDENTIALS_WRONG: {
    title: '이메일 또는 비밀번호가 올바르지 않습니다',
    meaning: '맞는 계정이 없습니다. 이 응답은 가입된 이메일인지 알려 주지 않습니다.',
    remedy: '둘 다 확인한 뒤 다시 시도해 주세요.',
  },
  REFRESH_REFUSED: {
    title: '세션이 끝났습니다',
    meaning: '갱신 토큰이 없거나 만료되었거나 이미 쓰였거나, 로그아웃된 세션의 것입니다.',
    remedy: '다시 로그인해 주세요. 직접 두 번 쓴 것이 아니라면 비밀번호를 바꾸세요.',
  },
  FORBIDDEN: {
    title: '이 계정으로는 할 수 없습니다',
    meaning: '로그인되어 있지만 이 요청을 할 권한이 없는 계정입니다.',
    remedy: '이 기능을 쓸 수 있는 계정으로 로그인해 주세요.',
  },
  ORIGIN_REFUSED: {
    title: '다른 사이트에서 보낼 수 없는 요청입니다',
    meaning: '허용되지 않은 출처에서 쿠키가 담긴 요청이 왔습니다.',
    remedy: '예매 사이트의 화면이나 허용된 출처에서 보내 주세요.',
  },
  SALE_NOT_OPEN: {
    title: '아직 예매가 시작되지 않았습니다',
    meaning: '서버 시각으로 `opensAt`부터 좌석을 잡을 수 있습니다.',
    remedy: '`opensAt`까지 기다려 주세요. 남은 시간은 `retryAfterMs`에 있습니다.',
  },
  SALE_CLOSED: {
    title: '예매가 끝났습니다',
    meaning: '이 회차의 표는 더 이상 팔지 않습니다.',
    remedy: '다른 회차를 골라 주세요.',
  },
  NOT_FOUND: {
    title: '찾을 수 없습니다',
    meaning: '없는 것이거나 다른 계정의 것입니다.',
    remedy: '주소와 로그인한 계정을 확인해 주세요.',
  },
  ROUTE_NOT_FOUND: {
    title: '없는 주소입니다',
    meaning: '이 메서드와 경로를 가진 API가 없습니다.',
    remedy: '모든 경로는 /openapi.json 또는 /docs에 있습니다.',
  },
  PASSWORD_TOO_COMMON: {
    title: '공격자가 가장 먼저 시도하는 비밀번호입니다',
    meaning: '바뀐 것은 없습니다.',
    remedy:
      '다른 비밀번호를 골라 주세요. 예를 들어 본인만 떠올릴 서로 관계없는 낱말 네 개가 좋습니다.',
  },
  EMAIL_NOT_CONFIRMED: {
    title: '먼저 이메일 주소를 확인해 주세요',
    meaning: '이 주소로 입장권이 도착하는지 아직 확인되지 않았습니다.',
    remedy: '코드를 요청해 주소를 확인한 뒤 새 토큰으로 다시 시도해 주세요.',
  },
  EMAIL_CONFIRMED_ALREADY: {
    title: '이미 확인된 이메일 주소입니다',
    meaning: '메일을 보내지 않았습니다.',
    remedy: '하실 일은 없습니다. 토큰이 그보다 오래되었다면 갱신해 주세요.',
  },
  PASSWORD_WRONG: {
    title: '비밀번호가 올바르지 않습니다',
    meaning: '로그인한 계정의 비밀번호가 아닙니다.',
    remedy: '다시 입력하거나, 메일로 받은 코드로 새 비밀번호를 정해 주세요.',
  },
  CODE_WRONG: {
    title: '올바르지 않은 코드입니다',
    meaning: '잘못 입력했거나, 한 시간이 지났거나, 이미 쓰였거나, 다른 계정의 코드입니다.',
    remedy: '가장 최근 메일의 코드와 비교하거나 새 코드를 요청해 주세요.',
  },
  EMAIL_TAKEN: {
    title: '이미 가입된 이메일입니다',
    meaning: '바뀐 것은 없습니다.',
    remedy: '로그인하거나 다른 이메일을 써 주세요.',
  },
  SEATS_TAKEN: {
    title: '다른 분이 먼저 잡은 좌석이 있습니다',
    meaning: '`conflicts`가 그 좌석입니다. 잡힌 좌석은 하나도 없습니다.',
    remedy: '다른 좌석을 고르거나 자동 배정을 이용해 주세요.',
  },
  SEATS_ALREADY_YOURS: {
    title: '이미 본인이 잡은 좌석이 있습니다',
    meaning:
      '`conflicts`가 그 좌석이고, `holdId`는 그 선점, `orderId`는 주문이 있을 때 그 주문입니다. 바뀐 것은 없습니다.',
    remedy: '그 선점으로 이어서 진행하거나, 먼저 놓거나, 다른 좌석을 골라 주세요.',
  },
  SEATS_BLOCKED: {
    title: '판매하지 않는 좌석이 있습니다',
    meaning: '`conflicts`는 주최 측이 판매하지 않는 좌석입니다.',
    remedy: '다른 좌석을 골라 주세요.',
  },
  NO_SEATS_FREE: {
    title: '지금 이 등급에는 빈 좌석이 없습니다',
    meaning:
      '이 등급의 `left`석은 아직 결제하지 않은 분들이 잡고 있어 다시 나올 수 있습니다. 0이면 모두 팔렸습니다.',
    remedy: '`left`가 0보다 크면 잠시 뒤 다시 시도하고, 아니면 다른 등급을 골라 주세요.',
  },
  NO_ADJACENT_SEATS: {
    title: '나란히 앉을 좌석이 부족합니다',
    meaning: '이 등급에는 그만큼 붙어 있는 빈 좌석이 없습니다. 떨어진 좌석은 있을 수 있습니다.',
    remedy: '매수를 줄이거나 다른 등급을 고르거나, 좌석 배치도에서 떨어진 좌석을 골라 주세요.',
  },
  SEAT_LEFT_STRANDED: {
    title: '이렇게 고르면 좌석 하나가 홀로 남습니다',
    meaning: '`conflicts`는 팔린 좌석 사이에 홀로 남게 될 빈 좌석입니다.',
    remedy: '한 칸 옆으로 옮겨 골라 주세요.',
  },
  BUYER_LIMIT_REACHED: {
    title: '한 사람이 살 수 있는 매수를 넘었습니다',
    meaning:
      '이 회차에서 잡은 좌석, 결제 중인 좌석, 결제한 좌석을 모두 셉니다. 한도는 `limit`매입니다.',
    remedy: '먼저 잡은 좌석을 놓거나 매수를 줄여 주세요.',
  },
  SHOW_SOLD_OUT: {
    title: '매진되었습니다',
    meaning: '이 회차에는 빈 좌석도, 다른 분이 잡고 있는 좌석도 없습니다.',
    remedy: '다른 회차를 골라 주세요.',
  },
  HOLD_ENDED: {
    title: '좌석 선점이 끝났습니다',
    meaning: '시간이 지났거나 좌석을 놓아 다시 판매 중입니다. 결제된 금액은 없습니다.',
    remedy: '좌석을 다시 골라 주세요.',
  },
  HOLD_EXTENDED_ALREADY: {
    title: '선점 시간은 이미 연장되었습니다',
    meaning: '선점 시간은 한 번만 다시 시작되며 `endsBy`를 넘지 않습니다.',
    remedy: '선점의 `deadline` 전에 결제해 주세요.',
  },
  HOLD_HAS_ORDER: {
    title: '이 선점에는 진행 중인 주문이 있습니다',
    meaning: '`orderId`가 그 주문입니다. 한 선점에는 진행 중인 주문이 하나만 있을 수 있습니다.',
    remedy: '그 주문을 이어서 진행하거나 먼저 취소해 주세요.',
  },
  ORDER_NOT_PAYABLE: {
    title: '지금은 결제할 수 없는 주문입니다',
    meaning:
      '`state`가 이유입니다. 이미 결제되었거나 실패 또는 취소되었거나, 결제가 진행 중입니다.',
    remedy: '주문을 다시 불러와 주세요. 좌석이 풀렸다면 새로 주문해 주세요.',
  },
  ORDER_NOT_CANCELLABLE: {
    title: '이 상태의 주문은 취소할 수 없습니다',
    meaning: '결제를 기다리는 주문만 취소할 수 있습니다.',
    remedy: '주문을 다시 불러와 상태를 확인해 주세요.',
  },
  AMOUNT_MISMATCH: {
    title: '금액이 주문과 다릅니다',
    meaning: '서버의 금액이 기준입니다. 결제사에는 아무것도 보내지 않았습니다.',
    remedy: '주문 화면에서 결제를 다시 시작해 주세요.',
  },
  PAYMENT_DECLINED: {
    title: '결제가 거절되었습니다',
    meaning: '결제사가 결제를 거절했습니다(`providerCode`). 결제된 금액은 없습니다.',
    remedy: '선점 `holdId`가 끝나기 전에 새로 주문하고 다른 카드로 결제해 주세요.',
  },
  PAYMENT_PROVIDER_REFUSED: {
    title: '결제사가 저희 요청을 받지 않습니다',
    meaning: '결제사와의 연결 설정이 잘못되어 있습니다. 결제된 금액은 없습니다.',
    remedy: '따로 하실 일은 없습니다. 운영자에게 알렸고, 좌석은 선점이 끝날 때까지 유지됩니다.',
  },
  LAYOUT_REFUSED: {
    title: '좌석 배치 파일에 오류가 있습니다',
    meaning: '`errors`에 모든 오류가 줄 번호와 함께 있습니다. 저장된 것은 없습니다.',
    remedy: '해당 줄을 고친 뒤 파일을 다시 올려 주세요.',
  },
  SHOW_RULE_BROKEN: {
    title: '공연 또는 회차가 규칙에 맞지 않습니다',
    meaning: '`errors`가 문제의 항목입니다. 예를 들어 가격이 없는 등급입니다.',
    remedy: '해당 항목을 고친 뒤 다시 보내 주세요.',
  },
  GRADES_FIXED: {
    title: '이 등급으로 이미 좌석이 잡힌 회차가 있습니다',
    meaning:
      '회차는 첫 선점부터 등급이 정해집니다. `performanceIds`가 그 회차입니다. 바뀐 것은 없습니다.',
    remedy:
      '다른 회차와 앞으로 더할 회차만 바꾸려면 `fixedPerformances: "keep"`을 보내 주세요. 이름과 가격은 언제든 바꿀 수 있습니다.',
  },
  PASS_REQUIRED: {
    title: '대기실이 있는 예매입니다',
    meaning: '이 공연에는 대기실이 있는데 요청에 입장권이 없습니다. 바뀐 것은 없습니다.',
    remedy: '대기실에 들어가 주세요. 차례가 되면 입장권을 `usher-pass` 헤더로 보내 주세요.',
  },
  PASS_ENDED: {
    title: '입장권이 더 이상 유효하지 않습니다',
    meaning:
      '만료되었거나 반납 또는 취소되었거나, 본인의 것이 아니거나, 두 번의 차례를 모두 놓치셨습니다. 결제 중인 주문은 계속됩니다.',
    remedy: '대기실에 다시 들어가 주세요.',
  },
  ROOM_NOT_OPEN: {
    title: '아직 대기실이 열리지 않았습니다',
    meaning: '`lobbyAt`부터 들어올 수 있습니다. 일찍 들어와도 순번이 앞서지 않습니다.',
    remedy: '`lobbyAt`까지 기다려 주세요. 남은 시간은 `retryAfterMs`에 있습니다.',
  },
  ROOM_CLOSED: {
    title: '대기실이 더 이상 새로 받지 않습니다',
    meaning: '운영자가 대기실을 정리 중이거나 닫았습니다. 이미 줄을 선 분들의 자리는 그대로입니다.',
    remedy: '다른 공연을 고르거나, 주최 측의 안내가 있을 때 다시 와 주세요.',
  },
  TOO_MANY_WAITING: {
    title: '남은 좌석에 비해 기다리는 분이 너무 많습니다',
    meaning:
      '남은 `left`석을 `waiting`명이 기다리고 있어 좌석 하나에 두 명이 넘습니다. 바뀐 것은 없습니다.',
    remedy: '나중에 다시 시도해 주세요. 포기하는 분이 있으면 좌석이 다시 나옵니다.',
  },
  ADDRESS_PLACES_TAKEN: {
    title: '사용 중인 네트워크에서 받을 수 있는 대기실 자리가 모두 찼습니다',
    meaning:
      '같은 IP 주소에서 너무 많은 자리가 나가 새 자리를 드릴 수 없습니다. 이미 자리가 있는 분은 어느 주소에서든 그대로 유지됩니다.',
    remedy: 'Wi-Fi 대신 모바일 데이터를 쓰는 등 다른 네트워크에서 들어와 주세요.',
  },
  NO_PLACE: {
    title: '이 대기실에 자리가 없습니다',
    meaning: '들어온 적이 없거나, 자리를 반납했거나, 이미 구매했습니다.',
    remedy: '대기실에 들어가 주세요.',
  },
  PLACE_TOKEN_REFUSED: {
    title: '본인의 것이 아니거나 다른 대기실의 자리표입니다',
    meaning: '위조되었거나, 다른 계정 또는 공연의 것이거나, 자리가 반납되었습니다.',
    remedy: '자리를 다시 조회해 주세요. 조회에는 자리표가 필요 없습니다.',
  },
  NOT_CALLED_YET: {
    title: '아직 차례가 아닙니다',
    meaning: '앞에 `ahead`명이 있습니다. 자리는 그대로 있습니다.',
    remedy: '대기실을 계속 지켜보다가 순번이 되면 입장권을 받아 주세요.',
  },
  CHALLENGE_REQUIRED: {
    title: '먼저 확인 문제를 풀어 주세요',
    meaning: '한 사람이 수천 번 들어오지 못하도록 들어올 때 약간의 계산이 필요합니다.',
    remedy: '대기실의 문제나 이 응답의 `challenge`를 푼 뒤 `solution`과 함께 다시 보내 주세요.',
  },
  CHALLENGE_FAILED: {
    title: '확인 문제의 답이 받아들여지지 않았습니다',
    meaning: '답이 틀렸거나 만료되었거나, 다른 계정 또는 대기실의 것이거나, 이미 쓰였습니다.',
    remedy: '새 문제를 받아 풀어 주세요.',
  },
  STREAM_NOT_OFFERED: {
    title: '이 대기실은 너무 커서 실시간으로 보낼 수 없습니다',
    meaning: '실시간 전송은 작은 대기실과 차례가 가까운 분에게만 제공됩니다.',
    remedy: '대기실 문서를 `poll`에 적힌 간격으로 다시 불러와 주세요.',
  },
  ROOM_CHANGED_MEANWHILE: {
    title: '보신 뒤에 대기실이 바뀌었습니다',
    meaning:
      '다른 운영자가 바꾸었거나 새 단계가 시작되었습니다. 지금의 판은 `rev`입니다. 바뀐 것은 없습니다.',
    remedy: '대기실을 다시 조회한 뒤 다시 결정해 주세요.',
  },
  LEVER_REFUSED: {
    title: '지금 대기실에서는 할 수 없습니다',
    meaning: '`detail`에 대기실의 단계와 할 수 없는 이유가 있습니다.',
    remedy: '대기실을 다시 조회해 주세요.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    title: '다른 요청에 쓰인 Idempotency-Key입니다',
    meaning: '이 키 또는 결제 시도는 이미 다른 요청에 쓰였습니다. 바뀐 것은 없습니다.',
    remedy: '새 요청에는 새 키를, 새 결제에는 새 시도를 써 주세요.',
  },
  IDEMPOTENCY_KEY_RUNNING: {
    title: '같은 키의 첫 요청이 아직 처리 중입니다',
    meaning: '두 요청은 같은 응답을 받습니다.',
    remedy: '`Retry-After`가 지난 뒤 같은 키로 다시 보내 주세요.',
  },
  BODY_TOO_LARGE: {
    title: '요청 본문이 너무 큽니다',
    meaning: '이 API가 받는 크기를 넘었습니다.',
    remedy: '본문을 줄여서 보내 주세요.',
  },
  HEADERS_TOO_LARGE: {
    title: '요청 헤더가 너무 큽니다',
    meaning: '요청 줄과 헤더를 합쳐 16 kB를 넘었습니다. 연결을 끊었습니다.',
    remedy: '쿠키를 줄이거나 주소를 짧게 해 주세요.',
  },
  REQUEST_TIMEOUT: {
    title: '요청이 도착하는 데 너무 오래 걸렸습니다',
    meaning: '헤더나 본문이 제때 오지 않았습니다. 연결을 끊었습니다.',
    remedy: '새 연결에서 같은 Idempotency-Key로 다시 보내 주세요.',
  },
  TOO_MANY_REQUESTS: {
    title: '요청이 너무 많습니다',
    meaning: '이 계정 또는 IP 주소의 요청이 허용된 것보다 빠릅니다.',
    remedy: '`Retry-After`만큼 기다린 뒤 계속해 주세요. 좌석이나 순번은 잃지 않습니다.',
  },
  PROVIDER_UNAVAILABLE: {
    title: '지금은 결제할 수 없습니다',
    meaning: '결제사에 연결할 수 없었습니다. 결제된 금액은 없고 주문은 실패했습니다.',
    remedy: '곧 새로 주문해 주세요. 좌석은 선점 `holdId`가 끝날 때까지 유지됩니다.',
  },
  OVERLOADED: {
    title: '지금 접속이 너무 많습니다',
    meaning: '아무것도 처리하지 않고 요청을 돌려보냈습니다.',
    remedy: '`Retry-After`가 지난 뒤 같은 Idempotency-Key로 다시 보내 주세요.',
  },
  UNAVAILABLE: {
    title: '예매 서비스의 일부를 지금 쓸 수 없습니다',
    meaning: '결과를 알 수 없을 수 있습니다. 같은 키로 다시 보내도 두 번 처리되지 않습니다.',
    remedy: '`Retry-After`가 지난 뒤 같은 Idempotency-Key로 다시 보내 주세요.',
  },
  INTERNAL: {
    title: '저희 쪽에 문제가 생겼습니다',
    meaning: '프로그램의 오류입니다. 로그에서 `traceId`로 찾을 수 있습니다.',
    remedy: 'traceId를 알려 주세요. 같은 Idempotency-Key로 다시 보내도 두 번 처리되지 않습니다.',
  },
};
