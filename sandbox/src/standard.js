/**
 * Replaces the provider's browser SDK (v2, "standard"): the same calls, with one window behind
 * them, the sandbox's /checkout page. It always redirects; the promise of `requestPayment` is
 * rejected if something is wrong with the request and otherwise stays pending while the browser
 * leaves the page.
 */
(() => {
  const base = new URL(document.currentScript.src).origin;
  const methods = [
    ['CARD', '카드 · Card'],
    ['EASY_PAY', '간편결제 · Easy pay'],
    ['TRANSFER', '계좌이체 · Bank transfer'],
  ];

  function refusal(code, message) {
    const error = new Error(message);
    error.code = code;
    return error;
  }

  function element(selector) {
    const found = document.querySelector(selector);
    if (found === null) throw refusal('INVALID_SELECTOR', `nothing matches ${selector}`);
    return found;
  }

  function isAddress(text) {
    return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  }

  function check({ orderId, orderName, successUrl, failUrl, amount }) {
    if (amount === null || typeof amount !== 'object') {
      throw refusal('INVALID_AMOUNT', 'set the amount first: { currency: "KRW", value }');
    }
    if (amount.currency !== 'KRW') throw refusal('NOT_SUPPORTED_CURRENCY', 'currency must be KRW');
    if (!Number.isInteger(amount.value) || amount.value < 1) {
      throw refusal('INVALID_AMOUNT', 'amount.value must be a whole number above 0');
    }
    if (!/^[A-Za-z0-9_-]{6,64}$/.test(orderId ?? '')) {
      throw refusal('INVALID_ORDER_ID', 'orderId must be 6 to 64 letters, digits, - or _');
    }
    if (typeof orderName !== 'string' || orderName === '' || orderName.length > 100) {
      throw refusal('INVALID_ORDER_NAME', 'orderName must have 1 to 100 characters');
    }
    if (!isAddress(successUrl)) {
      throw refusal('INCORRECT_SUCCESS_URL_FORMAT', 'successUrl must be a whole http(s) address');
    }
    if (!isAddress(failUrl)) {
      throw refusal('INCORRECT_FAIL_URL_FORMAT', 'failUrl must be a whole http(s) address');
    }
  }

  function open(clientKey, customerKey, request) {
    check(request);
    const { orderId, orderName, successUrl, failUrl, amount, customerName, method } = request;
    const address = new URL('/checkout', base);
    const asked = { clientKey, orderId, orderName, amount: String(amount.value), currency: 'KRW' };
    for (const [name, value] of Object.entries({ ...asked, successUrl, failUrl })) {
      address.searchParams.set(name, value);
    }
    if (customerName) address.searchParams.set('customerName', customerName);
    if (customerKey) address.searchParams.set('customerKey', customerKey);
    if (method) address.searchParams.set('method', method);
    location.assign(address.href);
    return new Promise(() => {});
  }

  function methodChooser(box, select) {
    box.replaceChildren();
    const group = document.createElement('fieldset');
    const legend = document.createElement('legend');
    legend.textContent = '결제 수단 · Payment method (sandbox)';
    group.append(legend);
    for (const [code, name] of methods) {
      const label = document.createElement('label');
      const radio = document.createElement('input');
      Object.assign(radio, { type: 'radio', name: 'sandbox-method', value: code });
      radio.checked = code === 'CARD';
      radio.addEventListener('change', () => select(code));
      label.style.display = 'block';
      label.style.padding = '8px 0';
      label.append(radio, ` ${name}`);
      group.append(label);
    }
    box.append(group);
  }

  function listeners() {
    const known = new Map();
    return {
      on: (name, run) => known.set(name, [...(known.get(name) ?? []), run]),
      tell: (name, value) => {
        for (const run of known.get(name) ?? []) run(value);
      },
    };
  }

  function widgets(clientKey, customerKey) {
    let amount = null;
    let method = 'CARD';
    return {
      async setAmount(wanted) {
        amount = wanted;
      },
      async renderPaymentMethods({ selector }) {
        if (amount === null) throw refusal('INVALID_AMOUNT', 'call setAmount before rendering');
        const box = element(selector);
        const { on, tell } = listeners();
        methodChooser(box, (code) => {
          method = code;
          tell('paymentMethodSelect', { code });
        });
        return {
          on,
          getSelectedPaymentMethod: async () => ({ code: method }),
          destroy: async () => box.replaceChildren(),
        };
      },
      async renderAgreement({ selector }) {
        if (amount === null) throw refusal('INVALID_AMOUNT', 'call setAmount before rendering');
        const box = element(selector);
        const { on, tell } = listeners();
        box.textContent = '샌드박스라 동의할 약관이 없습니다 · No terms to agree to in the sandbox';
        // Later, so that the caller has had time to listen.
        setTimeout(() => tell('agreementStatusChange', { agreedRequiredTerms: true }), 0);
        return { on, destroy: async () => box.replaceChildren() };
      },
      async requestPayment(request) {
        return open(clientKey, customerKey, { ...request, amount, method });
      },
    };
  }

  function TossPayments(clientKey) {
    if (typeof clientKey !== 'string' || clientKey === '') {
      throw refusal('INVALID_CLIENT_KEY', 'TossPayments(clientKey) needs a client key');
    }
    return {
      widgets: ({ customerKey }) => widgets(clientKey, customerKey),
      payment: ({ customerKey }) => ({
        requestPayment: async (request) =>
          open(clientKey, customerKey, { ...request, amount: request.amount ?? null }),
      }),
    };
  }
  TossPayments.ANONYMOUS = '@@ANONYMOUS';
  window.TossPayments = TossPayments;
})();
