/** What the server says of what is shown. */
export function Notes({ notes }: { notes: readonly string[] }) {
  return (
    <>
      {notes.map((note) => (
        <p class="dim dash-more" key={note}>
          {note}
        </p>
      ))}
    </>
  );
}
