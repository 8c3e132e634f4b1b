/** One attempt of one step of one launch; also the name of its workflow. */
export type AttemptId = { readonly launch: string; readonly step: string; readonly attempt: number };

export const attemptText = ({ launch, step, attempt }: AttemptId): string => `${launch}/${step}/${attempt}`;
