import { answer, type Question } from './counter.ts';

/** Entry of a worker thread: answers one question. */
export function work(question: Question): ReturnType<typeof answer> {
  return answer(question);
}
