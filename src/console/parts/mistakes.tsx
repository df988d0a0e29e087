/** What of the address cannot be shown. Read out: whoever followed a link takes what is shown for what was meant. */
export function Mistakes({ of }: { of: readonly string[] }) {
  return (
    <div role="status">
      {of.length > 0 && <p class="field-error">Not shown as the address says: {of.join("; ")}.</p>}
    </div>
  );
}
