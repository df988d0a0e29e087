const LENGTH_MAX = 80;

/** Of a title, which may be any text; `otherwise` where nothing of it can stand in a name. */
export function fileName(title: string, otherwise: string): string {
  const dashed = title.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, LENGTH_MAX);
  return dashed.replace(/^[-.]+|[-.]+$/g, "") || otherwise;
}
