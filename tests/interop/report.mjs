// What the scripts of this directory share: a script calls, and prints one JSON line.

// What became of a promise, in a form that JSON can hold.
export async function outcome(promise) {
  try {
    const value = await promise;
    return { value: value === undefined ? "undefined" : value };
  } catch (error) {
    return { error: shown(error) };
  }
}

// An error as the client hands it out: whole if it is plain data, else what an Error carries.
function shown(error) {
  if (!(error instanceof Error)) {
    return error;
  }
  const { message, code, data } = error;
  return { message, code, data };
}

// Run steps one after the other and report on each under its name.
export async function run(steps) {
  const report = {};
  for (const [name, step] of Object.entries(steps)) {
    report[name] = await outcome(step());
  }
  return report;
}

export function print(report) {
  console.log(JSON.stringify(report, withoutNumber));
}

// The number of an incident differs each time; that there is one does not.
function withoutNumber(key, value) {
  return key === "incident" && typeof value === "string" ? "its number" : value;
}
