// Checks what a weather station reports before it is stored.
class ReportError extends Error {
  constructor(message, field, problems = []) {
    super(message);
    this.name = 'ReportError';
    this.field = field;
    this.problems = problems;
  }
}

class ReportValidator {
  constructor(registry) {
    this.registry = registry;
  }

  validateStation(id) {
    if (typeof id !== 'string' || id === '') {
      throw new ReportError('Station is missing', 'station');
    }
    if (!/^[A-Z]{2}-\d{3}$/.test(id)) {
      throw new ReportError('Station looks like AB-123', 'station');
    }
    return true;
  }

  validateTemperature(celsius) {
    if (typeof celsius !== 'number' || Number.isNaN(celsius)) {
      throw new ReportError('Temperature must be a number', 'temperature');
    }
    if (celsius < -60) {
      throw new ReportError('Colder than -60 degrees', 'temperature');
    }
    if (celsius > 55) {
      throw new ReportError('Hotter than 55 degrees', 'temperature');
    }
    return true;
  }

  validateHumidity(percent) {
    if (percent === undefined || percent === null) {
      throw new ReportError('Humidity is missing', 'humidity');
    }
    if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
      throw new ReportError('Humidity is 0 to 100 whole percent', 'humidity');
    }
    return true;
  }

  async validateReport(report) {
    const problems = [];
    for (const check of [
      () => this.validateStation(report.station),
      () => this.validateTemperature(report.temperature),
      () => this.validateHumidity(report.humidity),
    ]) {
      try {
        check();
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) {
      throw new ReportError(`${problems.length} problems`, 'report', problems);
    }
    if (!(await this.registry.knows(report.station))) {
      throw new ReportError('Unknown station', 'station');
    }
    return { station: report.station, accepted: true };
  }
}

module.exports = { ReportError, ReportValidator };
