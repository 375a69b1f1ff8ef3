/**
 * Looking again and again, as long as somebody can see it.
 *
 * @module
 */

import {useEffect, useRef, useState} from './vendor/hooks.js';

/**
 * Do something at once and then every so often, while the page is visible; an error stops it.
 *
 * @param {() => Promise<void>} work
 * @param {number} interval milliseconds between the end of one and the next
 * @param {() => void} [onPause] called when it stops for a while
 * @returns {{error: Error | undefined, resume: () => void}} `resume` goes on, at once
 */
export function usePolling(work, interval, onPause) {
  const latest = useRef();
  latest.current = {work, onPause};
  const [error, setError] = useState();
  const [round, setRound] = useState(0);
  useEffect(() => {
    let timer;
    let isOver = false;
    let isRunning = false;
    const run = async () => {
      if (isRunning || isOver || document.hidden) return;
      isRunning = true;
      try {
        await latest.current.work();
        if (!isOver && !document.hidden) timer = setTimeout(run, interval);
      } catch (failure) {
        if (isOver) return;
        latest.current.onPause?.();
        setError(failure);
        isOver = true;
      } finally {
        isRunning = false;
      }
    };
    const look = () => {
      clearTimeout(timer);
      if (document.hidden) latest.current.onPause?.();
      else run();
    };
    document.addEventListener('visibilitychange', look);
    run();
    return () => {
      isOver = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [round]);
  const resume = () => {
    setError(undefined);
    setRound((before) => before + 1);
  };
  return {error, resume};
}
