// Talking to the server. Every failure is a ServerError with a sentence; status 0 means that it did not answer.

export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const RESTARTED =
  "The server was started anew: open the address that the terminal shows. What is not saved waits in this browser.";

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ServerError(0, "The server does not answer.");
  }
  const answer = await response.json().catch(() => ({ error: `The server answered with status ${response.status}.` }));
  if (response.ok) return answer;
  throw new ServerError(response.status, response.status === 403 ? RESTARTED : answer.error);
}

export const get = (path) => request(path);

export const post = (path, body, options = {}) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body, ...options });

export async function fetchImage(index) {
  const response = await fetch(`/api/image/${index}`).catch(() => null);
  if (!response) throw new ServerError(0, "The server does not answer.");
  if (!response.ok) throw new ServerError(response.status, (await response.json()).error);
  return createImageBitmap(await response.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}
