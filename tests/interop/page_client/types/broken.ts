// The check itself: this has to fail.

import {connect} from './client.js';

connect('/').call(5);
