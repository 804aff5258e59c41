// Who is signed in. Tokens live in sessionStorage only: they end with the tab. An account's token is
// renewed before it expires; while the tower cannot renew it, it is kept and tried again.

import { ApiError, accounts, api, type SignInWay, token, whenUnauthorised } from '../api/client';
import type { Key } from '../i18n/ko';

/** An access token is renewed when this much of its life is left. */
const renewBeforeMs = 5 * 60_000;
const renewAgainMs = 15_000;

class Session {
  signedIn = $state(token.get() !== null);
  working = $state(false);
  who = $state('');
  /** What the caller may; null until the tower said. */
  rights: ReadonlySet<string> | null = $state.raw(null);
  /** The caller's account; null for a link or a token. */
  userId: string | null = $state(null);
  /** Where people sign in; null until the tower said. */
  way: SignInWay | null = $state(null);
  /** Why the sign-in page is shown, where there is more to say. */
  problem: Key | null = $state(null);
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    whenUnauthorised(() => {
      if (!token.get()) return;
      if (token.account()) void this.#renew();
      else this.#end(this.working ? 'signin.token_bad' : 'signin.ended');
    });
    this.#renewLater();
  }

  /** Asks where people sign in. Without an answer the page offers what needs none. */
  async askWay(): Promise<void> {
    try {
      this.way = await api.signInWay();
    } catch {
      this.way = null;
    }
  }

  /** Asks what the caller may: again with each live view, for that is when it may have changed. */
  async askRights(): Promise<void> {
    try {
      const me = await api.me();
      this.rights = new Set(me.rights);
      this.userId = me.user_id ?? null;
    } catch {
      // What was known stays; the tower refuses what is not allowed in any case.
    }
  }

  /** Takes a code from `#signin=CODE` and removes it from the address before it is used. */
  async takeCode(): Promise<void> {
    const code = new URLSearchParams(location.hash.slice(1)).get('signin');
    if (!code) return;
    history.replaceState(null, '', location.pathname + location.search);
    this.working = true;
    try {
      token.set((await api.signIn(code)).token);
      this.problem = null;
      this.signedIn = true;
    } catch (error) {
      const noAnswer = error instanceof ApiError && error.problem.status === 0;
      this.problem = noAnswer ? 'signin.no_answer' : 'signin.code_bad';
      this.signedIn = token.get() !== null;
    } finally {
      this.working = false;
    }
  }

  async takePassword(email: string, password: string): Promise<void> {
    this.working = true;
    try {
      token.setAccount(await accounts.signIn(this.way, email, password));
      this.problem = null;
      this.signedIn = true;
      this.#renewLater();
    } catch (error) {
      this.problem = refusalOf(error);
    } finally {
      this.working = false;
    }
  }

  async takeToken(pasted: string): Promise<void> {
    this.working = true;
    token.set(pasted.trim());
    try {
      await api.system();
      this.problem = null;
      this.signedIn = true;
    } catch (error) {
      token.clear();
      const noAnswer = error instanceof ApiError && error.problem.status === 0;
      this.problem = noAnswer ? 'signin.no_answer' : 'signin.token_bad';
    } finally {
      this.working = false;
    }
  }

  async signOut(): Promise<void> {
    try {
      if (token.account()) await accounts.signOut(this.way);
      else await api.signOut();
    } catch {
      // The token is forgotten here in any case; the server's copy expires by itself.
    }
    this.#end(null);
  }

  #end(why: Key | null): void {
    clearTimeout(this.#renewal);
    token.clear();
    this.rights = null;
    this.userId = null;
    this.signedIn = false;
    this.problem = why;
  }

  #renewLater(): void {
    clearTimeout(this.#renewal);
    const account = token.account();
    if (!account) return;
    const wait = account.expires_at * 1000 - Date.now() - renewBeforeMs;
    this.#renewal = setTimeout(() => void this.#renew(), Math.max(wait, 0));
  }

  async #renew(): Promise<void> {
    clearTimeout(this.#renewal);
    const account = token.account();
    if (!account || this.working) return;
    this.working = true;
    try {
      // After a reload nobody has asked yet where that is done.
      if (!this.way) await this.askWay();
      token.setAccount(await accounts.renew(this.way, account.refresh_token));
      this.#renewLater();
    } catch (error) {
      const status = error instanceof ApiError ? error.problem.status : 0;
      if (status === 400 || status === 401 || status === 403) this.#end('signin.ended');
      else this.#renewal = setTimeout(() => void this.#renew(), renewAgainMs);
    } finally {
      this.working = false;
    }
  }
}

function refusalOf(error: unknown): Key {
  const problem = error instanceof ApiError ? error.problem : null;
  if (!problem || problem.status === 0) return 'signin.no_answer';
  if (problem.code === 'user_banned') return 'signin.disabled';
  if (problem.status === 429) return 'signin.held';
  if (problem.status >= 500) return 'signin.accounts_away';
  return 'signin.password_bad';
}

export const session = new Session();
