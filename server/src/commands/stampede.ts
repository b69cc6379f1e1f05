export const runStampede = async (): Promise<number> => { throw new Error('not here yet'); };
