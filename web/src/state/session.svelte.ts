// Who is signed in. The token lives in sessionStorage only: it ends with the tab.

import { ApiError, api, token, whenUnauthorised } from '../api/client';
import type { Key } from '../i18n/ko';

class Session {
  signedIn = $state(token.get() !== null);
  working = $state(false);
  who = $state('');
  /** Why the sign-in page is shown, where there is more to say. */
  problem: Key | null = $state(null);

  constructor() {
    whenUnauthorised(() => {
      if (!token.get()) return;
      token.clear();
      this.signedIn = false;
      this.problem = this.working ? 'signin.token_bad' : 'signin.ended';
    });
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
      await api.signOut();
    } catch {
      // The token is forgotten here in any case; the server's copy expires by itself.
    }
    token.clear();
    this.signedIn = false;
    this.problem = null;
  }
}

export const session = new Session();
