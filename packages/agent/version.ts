import manifest from './package.json' with { type: 'json' }

/** The agent's version, as its Node shows it. */
export const version = `v${manifest.version}`
