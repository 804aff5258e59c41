// Shows this server's own OpenAPI document with the session of the console. Reading calls may be
// tried from here; orders are given in the console, where they are confirmed and followed.
const token = sessionStorage.getItem('gwanje.token');
const message = document.getElementById('message');

function withToken(request) {
  if (token) request.headers.Authorization = `Bearer ${token}`;
  return request;
}

async function start() {
  if (!token) {
    message.textContent =
      'Sign in to the console in this tab first. 이 탭에서 먼저 로그인하십시오.';
    return;
  }
  const answer = await fetch('/api/v1/openapi.json', {
    headers: { Authorization: `Bearer ${token}` },
  });
  if (!answer.ok) {
    message.textContent = `The tower answered ${answer.status}. Sign in to the console again.`;
    return;
  }
  window.SwaggerUIBundle({
    spec: await answer.json(),
    dom_id: '#viewer',
    deepLinking: true,
    supportedSubmitMethods: ['get'],
    validatorUrl: null,
    requestInterceptor: withToken,
  });
}

start().catch((error) => {
  message.textContent = `The tower does not answer: ${error.message}`;
});
