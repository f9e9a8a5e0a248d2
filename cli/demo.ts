export const demo = async (_: { root: string; port: number; once: boolean }): Promise<void> => {};
