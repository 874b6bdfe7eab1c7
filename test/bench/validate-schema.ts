/** The contract of vega-datasets' flights-200k.json, as both sides of the bench check it. */
export const flightSchema = {
  type: 'object',
  required: ['delay', 'distance', 'time'],
  additionalProperties: false,
  properties: {
    delay: { type: 'integer', minimum: -1000, maximum: 1000 },
    distance: { type: 'integer', minimum: 0 },
    time: { type: 'number', minimum: 0, maximum: 24 },
  },
} as const;
